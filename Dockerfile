# The worker: what it needs to score, from hashed requirements; no compiler, no training libraries,
# no root. Built by `docker build -t leadscore .`; with `--build-arg REQUIREMENTS=drift` it can watch
# drift and join outcomes, too, with `snapshot` write Evidently's reports, with `archive` keep leads as
# Parquet files, with `train` retrain the model, with `rest` run `leadscore serve` and `hooks`, with
# `sinks` write to databases and webhooks, with `lake` score data sets in a lake and write to Delta
# tables, with `registry` score leads in the framing of a schema registry.
ARG REQUIREMENTS=worker

FROM python:3.11-slim-bookworm AS tools
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
WORKDIR /src


# The package: compiled once, as nothing here depends on the requirements of an image.
FROM tools AS wheel
# It is built by the locked setuptools and Cython, which do not go into an image.
COPY requirements/all.lock requirements/
RUN sed -n -E '/^(cython|setuptools)==/,/# via/p' requirements/all.lock > requirements/build.lock \
    && pip install --require-hashes --no-deps -r requirements/build.lock
COPY pyproject.toml README.md LICENSE ./
COPY stream stream
COPY lake lake
COPY agents agents
COPY schemas schemas
COPY features features
COPY model model
COPY monitoring monitoring
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist .


FROM tools AS packages
ARG REQUIREMENTS
COPY requirements/${REQUIREMENTS}.lock requirements/xgboost-cpu.lock requirements/
# XGBoost without its code for GPUs: the same version and import, 200 MB less. Training has no use
# for the database of Optuna's studies, 24 MB, which Optuna imports when a study is kept there.
RUN left_out='xgboost' \
    && if [ "${REQUIREMENTS}" = train ]; then left_out='xgboost|alembic|mako|markupsafe|sqlalchemy'; fi \
    && awk -v names="^(${left_out})==" '/^[a-z]/ {left_out = $0 ~ names} !left_out' \
        requirements/${REQUIREMENTS}.lock > image.lock \
    && if grep -q '^xgboost==' requirements/${REQUIREMENTS}.lock; then \
        cat requirements/xgboost-cpu.lock >> image.lock; \
    fi \
    && python -m venv --without-pip /opt/leadscore \
    && pip --python /opt/leadscore/bin/python install --only-binary=:all: --require-hashes \
        --no-deps -r image.lock
# Left out of what the wheels bring: symbols that nothing links to, which are most of uvloop, fastavro,
# lz4 and aiohttp; tests of numpy and other packages; the library of onnxruntime for C programs, as
# its Python module has all of it once more, and its tools to make models; of pyarrow headers,
# Flight and its own client of S3; services of AWS other than S3 and log-ins; data sets of
# statsmodels and river; of Evidently its own web server's pages and notebooks; Jupyter's extensions.
RUN cd /opt/leadscore/lib/python3.11/site-packages \
    && find . -regex '.*/\(numpy\|pandas\|pyarrow\|scipy\|sklearn\|statsmodels\|nltk\)/.*' \
        -type d \( -name tests -o -name test \) -prune -exec rm -r {} + \
    && rm -rf onnxruntime/capi/libonnxruntime.so.* \
        onnxruntime/transformers onnxruntime/tools onnxruntime/quantization onnxruntime/datasets \
        onnx/backend/test statsmodels/datasets/*/*.csv \
        river/datasets/*.csv* river/datasets/*.zip river/drift/datasets/*.csv \
        evidently/ui/service/assets evidently/legacy/ui/assets evidently/legacy/*/*.ipynb \
        evidently/legacy/*/*/*.ipynb /opt/leadscore/share/jupyter /opt/leadscore/etc/jupyter \
        pyarrow/include pyarrow/src pyarrow/*flight* pyarrow/*s3* pyarrow/_pyarrow_cpp_tests* \
    && if [ -d botocore/data ]; then \
        find botocore/data -mindepth 1 -maxdepth 1 -type d \
            -not -name 's3*' -not -name 'sso*' -not -name sts -not -name signin -exec rm -r {} +; \
    fi \
    # A wheel can't hold links: pyarrow has copies of its libraries under three names.
    && for library in pyarrow/*.so.*.*.*; do \
        [ -e "$library" ] || break; \
        ln -sf "${library##*/}" "${library%.*.*}"; \
        ln -sf "${library##*/}" "${library%.so.*}.so"; \
    done \
    && find . -type f \( -name '*.so' -o -path './pyarrow/*.so.*' \) -not -path '*.libs/*' \
        -exec strip --strip-unneeded {} +
COPY --from=wheel /src/dist dist
RUN pip --python /opt/leadscore/bin/python install --no-deps --no-index dist/*.whl \
    && cd /opt/leadscore/lib/python3.11/site-packages \
    && for package in schemas features agents stream/kafka model/serving; do strip $package/_compiled.*.so; done \
    && /opt/leadscore/bin/python -m compileall -q .
# Without the compiled loops scoring takes longer, and the package can be built without them: such a
# build ends here, and so does one of an image in which what it is for can't be imported.
RUN cd /opt/leadscore && case ${REQUIREMENTS} in \
        worker) modules="stream.roles.rollout stream.sinks.jsonl" ;; \
        drift) modules="stream.roles.drift agents.quality.concept_watch stream.roles.outcomes rocksdict" ;; \
        snapshot) modules="stream.snapshot.take monitoring.snapshot monitoring.quality_section pyarrow.parquet" ;; \
        archive) modules="stream.archive.service lake.parquet_reader pyarrow.dataset" ;; \
        train) modules="stream.roles.trainer stream.retraining.candidate model.training.train s3fs" ;; \
        rest) modules="stream.rest.server stream.rest.sql_lead_store stream.hooks.server stream.sinks.crm" ;; \
        sinks) modules="stream.sinks.sql stream.sinks.webhook confluent_kafka.schema_registry" ;; \
        lake) modules="stream.backfill.scoring_process lake.delta_table stream.sinks.delta s3fs" ;; \
        registry) modules="confluent_kafka.schema_registry" ;; \
    esac \
    && bin/python -c "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]" \
        schemas._compiled features._compiled agents._compiled stream.kafka._compiled \
        model.serving._compiled onnxruntime stream.roles.score ${modules:?"name the modules that this image is for"}


FROM python:3.11-slim-bookworm

# The base image's own pip and setuptools are not needed to run.
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore setuptools wheel pip \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/leadscore leadscore \
    && install --directory --owner=10001 /reports /archive /scores /stores
COPY --from=packages /opt/leadscore /opt/leadscore

ENV PATH=/opt/leadscore/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LEADSCORE_REGISTRY=/models \
    LEADSCORE_HTTP_PORT=8080 \
    LEADSCORE_LOG_FORMAT=json
USER 10001
WORKDIR /var/lib/leadscore
EXPOSE 8080
STOPSIGNAL SIGTERM

# Alive, not ready: a container that waits for a model or for Kafka need not be restarted. The check
# starts a Python of its own, which takes seconds on a machine that is busy.
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['LEADSCORE_HTTP_PORT'] + '/healthz', timeout=2)"]

ENTRYPOINT ["leadscore"]
CMD ["worker"]
