# The worker: what it needs to score, from hashed requirements; no compiler, no training libraries,
# no root. Built by `docker build -t leadscore .`; with `--build-arg REQUIREMENTS=drift` it can watch
# drift and write snapshots, too, with `REQUIREMENTS=lake` score data sets in a lake, with
# `REQUIREMENTS=sinks` write to databases, Delta tables and webhooks, with `REQUIREMENTS=rest` run
# `leadscore serve`, with `REQUIREMENTS=train` retrain the model.
ARG REQUIREMENTS=worker
FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# Before the argument, so that the images of all processes share it.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
ARG REQUIREMENTS
WORKDIR /src
COPY requirements/${REQUIREMENTS}.lock requirements/all.lock requirements/
# The package is built by the locked setuptools and Cython, which do not go into the image.
RUN python -m venv --without-pip /opt/leadscore \
    && pip --python /opt/leadscore/bin/python install --only-binary=:all: --require-hashes \
        --no-deps -r requirements/${REQUIREMENTS}.lock \
    && sed -n -E '/^(cython|setuptools)==/,/# via/p' requirements/all.lock > requirements/build.lock \
    && pip install --require-hashes --no-deps -r requirements/build.lock
COPY pyproject.toml README.md LICENSE ./
COPY stream stream
COPY lake lake
COPY agents agents
COPY schemas schemas
COPY features features
COPY model model
COPY monitoring monitoring
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/leadscore/bin/python install --no-deps --no-index dist/*.whl
# Without the compiled loops scoring takes longer, and the package can be built without them: such a build
# ends here.
RUN cd /opt/leadscore && bin/python -c "import schemas._compiled, features._compiled, agents._compiled, stream.kafka._compiled"
# Left out of what the wheels bring: symbols that nothing links to, which are most of uvloop, fastavro,
# lz4 and aiohttp; tests of numpy and other packages; the library of onnxruntime for C programs, as
# its Python module has all of it once more.
RUN cd /opt/leadscore/lib/python3.11/site-packages \
    && find . -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded {} + \
    && find . -regex '.*/\(numpy\|pandas\|pyarrow\|scipy\|sklearn\|statsmodels\)/.*' \
        -type d -name tests -prune -exec rm -r {} + \
    && rm onnxruntime/capi/libonnxruntime.so.* \
    && /opt/leadscore/bin/python -m compileall -q .


FROM python:3.11-slim-bookworm

# The base image's own pip and setuptools are not needed to run.
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore setuptools wheel pip \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/leadscore leadscore \
    && install --directory --owner=10001 /reports /archive /scores /stores
COPY --from=build /opt/leadscore /opt/leadscore

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

# Alive, not ready: a container that waits for a model or for Kafka need not be restarted.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['LEADSCORE_HTTP_PORT'] + '/healthz', timeout=2)"]

ENTRYPOINT ["leadscore"]
CMD ["worker"]
