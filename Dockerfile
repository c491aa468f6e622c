# One image for both processes: `web` (the default; brings the database up to date) and `worker`.
ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
WORKDIR /src
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python -m venv /opt/holdfast
RUN /opt/holdfast/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --requirement requirements/runtime.txt
RUN /opt/holdfast/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --target /opt/build-tools --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY checkpoints checkpoints
COPY dashboard dashboard
COPY templates templates
COPY static static
RUN PYTHONPATH=/opt/build-tools /opt/holdfast/bin/pip install --no-cache-dir --no-deps --no-build-isolation .
RUN HOLDFAST_DATA_DIR=/tmp/data HOLDFAST_STATIC_ROOT=/opt/holdfast/static /opt/holdfast/bin/python -m django collectstatic --no-input --verbosity 1 --settings dashboard.settings

FROM python:${PYTHON_VERSION}-slim-bookworm
RUN groupadd --gid 10001 holdfast && useradd --uid 10001 --gid holdfast --no-create-home --home-dir /data --shell /usr/sbin/nologin holdfast
RUN install --directory --owner holdfast --group holdfast --mode 0700 /data /stores
COPY --from=build /opt/holdfast /opt/holdfast
COPY deploy/entrypoint /usr/local/bin/entrypoint
ENV PATH=/opt/holdfast/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
ENV HOLDFAST_ENV=production HOLDFAST_DATA_DIR=/data HOLDFAST_STATIC_ROOT=/opt/holdfast/static
ENV HEALTH_URL=http://127.0.0.1:8000/readyz
USER holdfast
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['HEALTH_URL'], timeout=4)"]
ENTRYPOINT ["entrypoint"]
CMD ["web"]
