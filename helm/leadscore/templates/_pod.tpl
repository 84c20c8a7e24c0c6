{{/*
The pod of a process. Takes:
  root            the root context
  name            name of the process, such as worker
  args            arguments of leadscore
  image           repository and tag; default: the chart's
  resources
  port            port of health and metrics; default 8080
  probes          whether there are probes
  scheme          HTTP or HTTPS, for probes; default: HTTP
  models          whether it reads models
  writesModels    whether it changes their aliases
  settings        variables of this process alone
  settingsSecret  name of a Secret with variables of this process alone
  claim, path     a claim, and where it is mounted
  restartPolicy   default: Always
*/}}
{{- define "leadscore.pod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "leadscore.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
  annotations:
    # Settings are read when a process starts: other settings, another pod.
    checksum/settings: {{ $root.Values.settings | toJson | sha256sum }}
    {{- with $root.Values.files }}
    checksum/files: {{ . | toJson | sha256sum }}
    {{- end }}
    {{- with $root.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "leadscore.serviceAccountName" $root }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  # A node that is lost takes one worker, where there are more nodes.
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          app.kubernetes.io/instance: {{ $root.Release.Name }}
          app.kubernetes.io/component: {{ .name }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: {{ .name }}
      image: {{ include "leadscore.image" (dict "root" $root "image" .image) }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: {{ toJson .args }}
      envFrom:
        - configMapRef:
            name: {{ include "leadscore.fullname" $root }}
        {{- with $root.Values.settingsSecret }}
        - secretRef:
            name: {{ . }}
        {{- end }}
        {{- with .settingsSecret }}
        - secretRef:
            name: {{ . }}
        {{- end }}
      {{- with .settings }}
      env:
        {{- range $variable, $value := . }}
        - name: {{ $variable }}
          value: {{ $value | quote }}
        {{- end }}
      {{- end }}
      {{- if .port }}
      ports:
        - name: {{ .portName | default "http" }}
          containerPort: {{ .port }}
      {{- end }}
      {{- if .probes }}
      # A model is opened and tried before the port answers.
      startupProbe:
        httpGet: {path: /healthz, port: {{ .portName | default "http" }}, scheme: {{ .scheme | default "HTTP" }}}
        periodSeconds: 2
        failureThreshold: 60
      # Alive, not ready: a process that waits for a model or for Kafka needs no restart.
      livenessProbe:
        httpGet: {path: /healthz, port: {{ .portName | default "http" }}, scheme: {{ .scheme | default "HTTP" }}}
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 3
      readinessProbe:
        httpGet: {path: /readyz, port: {{ .portName | default "http" }}, scheme: {{ .scheme | default "HTTP" }}}
        periodSeconds: 5
        timeoutSeconds: 3
      {{- end }}
      resources:
        {{- toYaml .resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: scratch, mountPath: /tmp, subPath: tmp}
        - {name: scratch, mountPath: /var/lib/leadscore, subPath: home}
        {{- if and .models $root.Values.models.claim }}
        - {name: models, mountPath: /models, readOnly: {{ not .writesModels }}}
        {{- end }}
        {{- if .path }}
        - {name: data, mountPath: {{ .path }}}
        {{- end }}
        {{- if $root.Values.files }}
        - {name: files, mountPath: /etc/leadscore/files, readOnly: true}
        {{- end }}
        {{- if $root.Values.filesSecret }}
        - {name: secret-files, mountPath: /etc/leadscore/secret, readOnly: true}
        {{- end }}
  volumes:
    - name: scratch
      emptyDir: {}
    {{- if and .models $root.Values.models.claim }}
    - name: models
      persistentVolumeClaim:
        claimName: {{ $root.Values.models.claim }}
    {{- end }}
    {{- if .path }}
    - name: data
      {{- if .claim }}
      persistentVolumeClaim:
        claimName: {{ .claim }}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- end }}
    {{- if $root.Values.files }}
    - name: files
      configMap:
        name: {{ include "leadscore.fullname" $root }}-files
    {{- end }}
    {{- with $root.Values.filesSecret }}
    - name: secret-files
      secret:
        secretName: {{ . }}
        # Read by the group of the process, which is not the owner.
        defaultMode: 0440
    {{- end }}
{{- end -}}

{{/* A Deployment of that pod. Takes what leadscore.pod takes, replicas (none: not set) and strategy. */}}
{{- define "leadscore.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "leadscore.fullname" .root }}-{{ .name }}
  labels:
    {{- include "leadscore.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
spec:
  {{- if hasKey . "replicas" }}
  replicas: {{ .replicas }}
  {{- end }}
  strategy:
    {{- toYaml (.strategy | default (dict "type" "RollingUpdate" "rollingUpdate" (dict "maxSurge" 1 "maxUnavailable" 0))) | nindent 4 }}
  selector:
    matchLabels:
      app.kubernetes.io/name: {{ .root.Chart.Name }}
      app.kubernetes.io/instance: {{ .root.Release.Name }}
      app.kubernetes.io/component: {{ .name }}
  template:
    {{- include "leadscore.pod" . | nindent 4 }}
{{- end -}}

{{/* A budget for that pod's voluntary disruptions. Takes root, name and maxUnavailable. */}}
{{- define "leadscore.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "leadscore.fullname" .root }}-{{ .name }}
  labels:
    {{- include "leadscore.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
spec:
  maxUnavailable: {{ .maxUnavailable }}
  selector:
    matchLabels:
      app.kubernetes.io/name: {{ .root.Chart.Name }}
      app.kubernetes.io/instance: {{ .root.Release.Name }}
      app.kubernetes.io/component: {{ .name }}
{{- end -}}
