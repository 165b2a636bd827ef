# All services, one target each: docker build --target gateway .
# An image holds its own service, the libraries that service names, and no tools: no compiler, no pip in its environment.

FROM python:3.13-slim AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Two environments: one with the build tools, which stays here, and /app, which is all that leaves.
COPY requirements-build.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv --without-pip /build && python3 -m venv --without-pip /app && \
    python3 -m pip --python /build/bin/python install --require-hashes --only-binary :all: -r requirements-build.lock
ENV INSTALL="python3 -m pip --python /app/bin/python install"
ENV LOCKED="--require-hashes --only-binary :all: -r"
# From the wheels below alone, so that what a lock has left out fails here and not in production.
ENV OWN="--no-index --find-links /wheels"
# pandas and numpy bring their own tests along, a third of what they weigh.
ENV PRUNE="find /app -type d -name tests -prune -exec rm -rf {} +"

FROM builder AS wheels
COPY libs libs
COPY services services
RUN python3 -m pip --python /build/bin/python wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels \
    ./libs/* ./services/*

# The third-party part comes first: it changes least, and stays cached while our own code changes.
FROM builder AS simulator-venv
COPY requirements-simulator.lock ./
RUN --mount=type=cache,target=/root/.cache/pip $INSTALL $LOCKED requirements-simulator.lock && $PRUNE
COPY --from=wheels /wheels /wheels
RUN $INSTALL $OWN spark-simulator

FROM builder AS ingest-btcturk-venv
COPY requirements-ingest-btcturk.lock ./
RUN --mount=type=cache,target=/root/.cache/pip $INSTALL $LOCKED requirements-ingest-btcturk.lock
COPY --from=wheels /wheels /wheels
RUN $INSTALL $OWN spark-ingest-btcturk

FROM builder AS ingest-bist-venv
COPY requirements-ingest-bist.lock ./
RUN --mount=type=cache,target=/root/.cache/pip $INSTALL $LOCKED requirements-ingest-bist.lock && $PRUNE
COPY --from=wheels /wheels /wheels
RUN $INSTALL $OWN spark-ingest-bist

FROM builder AS monitor-venv
COPY requirements-monitor.lock ./
RUN --mount=type=cache,target=/root/.cache/pip $INSTALL $LOCKED requirements-monitor.lock && $PRUNE
COPY --from=wheels /wheels /wheels
RUN $INSTALL $OWN spark-monitor

FROM builder AS gateway-venv
COPY requirements-gateway.lock ./
RUN --mount=type=cache,target=/root/.cache/pip $INSTALL $LOCKED requirements-gateway.lock
COPY --from=wheels /wheels /wheels
RUN $INSTALL $OWN spark-gateway && mkdir /audit

FROM python:3.13-slim AS runtime
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /app
# Each target names the setting that holds its port, so one check serves all, whatever the port. http.client and not
# urllib, which would ask a configured proxy for 127.0.0.1.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["python", "-c", \
    "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ[os.environ['PORT_SETTING']]), timeout=2); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]

FROM runtime AS simulator
ENV SPARK_SIMULATOR_HOST=0.0.0.0 SPARK_SIMULATOR_PORT=9200 PORT_SETTING=SPARK_SIMULATOR_PORT
EXPOSE 9200
COPY --from=simulator-venv /app /app
CMD ["python", "-m", "spark_simulator"]

FROM runtime AS ingest-btcturk
ENV SPARK_METRICS_HOST=0.0.0.0 SPARK_BTCTURK_METRICS_PORT=9101 PORT_SETTING=SPARK_BTCTURK_METRICS_PORT
EXPOSE 9101
COPY --from=ingest-btcturk-venv /app /app
CMD ["python", "-m", "spark_ingest_btcturk"]

FROM runtime AS ingest-bist
ENV SPARK_METRICS_HOST=0.0.0.0 SPARK_BIST_METRICS_PORT=9102 PORT_SETTING=SPARK_BIST_METRICS_PORT
EXPOSE 9102
COPY --from=ingest-bist-venv /app /app
CMD ["python", "-m", "spark_ingest_bist"]

FROM runtime AS monitor
ENV SPARK_METRICS_HOST=0.0.0.0 SPARK_MONITOR_PORT=9100 PORT_SETTING=SPARK_MONITOR_PORT
EXPOSE 9100
COPY --from=monitor-venv /app /app
CMD ["python", "-m", "spark_monitor"]

FROM runtime AS gateway
ENV SPARK_GATEWAY_HOST=0.0.0.0 SPARK_METRICS_HOST=0.0.0.0 SPARK_GATEWAY_PORT=8080 PORT_SETTING=SPARK_GATEWAY_PORT
EXPOSE 8080
COPY --from=gateway-venv /app /app
# Where the audit log goes when a volume is mounted here: a new volume takes over whose the folder is.
COPY --from=gateway-venv --chown=10001:10001 /audit /var/log/spark
CMD ["python", "-m", "spark_gateway"]
