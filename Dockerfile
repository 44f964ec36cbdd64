# Three images out of one file: `docker build --target api .`, also `operator` and `runner`. How to build, pin and check them: docs/images.md.
#
# BASE is what the images stand on: any with glibc and Python 3.11 or newer, by digest if you can (…@sha256:…). BUILDER makes what is put
# on it; it needs the same Python, with venv. Where Python lies elsewhere in BASE than in BUILDER, PYTHON says where.
ARG BASE=docker.io/library/python:3.13-slim-bookworm
ARG BUILDER=${BASE}

FROM ${BUILDER} AS build
ARG PYTHON=""
# Where packages come from, and a CA for it, are secrets of a build: what is an argument stays in its history.
ENV PIP_CONFIG_FILE=/run/secrets/pip PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0 SOURCE_DATE_EPOCH=315532800
USER 0:0
WORKDIR /src
COPY containers/layers.py pyproject.toml constraints.txt ./
RUN --mount=type=secret,id=pip --mount=type=secret,id=ca python3 layers.py tools

FROM build AS wheel
COPY README.md LICENSE ./
COPY operator operator
COPY api api
RUN python3 layers.py wheel /wheel

FROM build AS build-api
RUN --mount=type=secret,id=pip --mount=type=secret,id=ca python3 layers.py dependencies api /layers/dependencies
COPY --from=wheel /wheel /wheel
RUN python3 layers.py code api /wheel /layers/code

FROM build AS build-operator
RUN --mount=type=secret,id=pip --mount=type=secret,id=ca python3 layers.py dependencies operator /layers/dependencies
COPY --from=wheel /wheel /wheel
RUN python3 layers.py code operator /wheel /layers/code

FROM build AS build-runner
RUN --mount=type=secret,id=pip --mount=type=secret,id=ca python3 layers.py dependencies runner /layers/dependencies
COPY --from=wheel /wheel /wheel
RUN python3 layers.py code runner /wheel /layers/code

# From here on nothing needs a shell.
FROM ${BASE} AS image
USER 0:0
RUN --mount=type=bind,from=build,source=/src,target=/headrace-build ["python3", "-B", "/headrace-build/layers.py", "base"]
# The root is read-only and stdout is a pipe; the current folder is nothing to import from. The user has no entry in /etc/passwd that
# would name a home, and libraries ask for one when they are imported.
ENV PATH=/opt/headrace/bin:/usr/local/bin:/usr/bin:/bin HOME=/ PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONSAFEPATH=1
WORKDIR /
USER 65532:65532
ARG VERSION=0.1.0
ARG REVISION=""
ARG SOURCE=""
LABEL org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION} \
      org.opencontainers.image.source=${SOURCE} \
      org.opencontainers.image.licenses=Apache-2.0

FROM image AS api
LABEL org.opencontainers.image.title=headrace-api \
      org.opencontainers.image.description="The REST API of Headrace: ETL pipelines on Kubernetes"
COPY --from=build-api /layers/dependencies/ /
COPY --from=build-api /layers/code/ /
# Else it would listen inside the container only.
ENV HOST=0.0.0.0
EXPOSE 8000
ENTRYPOINT ["python", "-m", "headrace_api"]
CMD []

FROM image AS operator
LABEL org.opencontainers.image.title=headrace-operator \
      org.opencontainers.image.description="The operator of Headrace; also migrates its store: python -m headrace.store.migrate"
COPY --from=build-operator /layers/dependencies/ /
COPY --from=build-operator /layers/code/ /
ENV HOST=0.0.0.0
EXPOSE 8081
ENTRYPOINT ["python", "-m", "headrace_operator"]
CMD []

FROM image AS runner
LABEL org.opencontainers.image.title=headrace-runner \
      org.opencontainers.image.description="One run of a pipeline of Headrace, as the operator's Jobs start it"
COPY --from=build-runner /layers/dependencies/ /
COPY --from=build-runner /layers/code/ /
ENTRYPOINT ["python", "-m", "headrace_runner"]
CMD []
