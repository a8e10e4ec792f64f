# The image of both containers of the Pod. Built with no network where a folder of wheels is given:
#   pip download --require-hashes -r requirements.txt -d wheels
#   pip download --require-hashes -r requirements-build.txt -d wheels
#   docker build --network=none --build-arg WHEELS=wheels .

# 3.12 counts no references of what is immortal: 5 MiB less in a Pod than 3.11 (docs/performance.md).
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
ARG WHEELS=""
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore

# Without WHEELS the second source is the first: COPY knows no optional one.
COPY requirements.txt requirements-build.txt ${WHEELS:-requirements.txt} /wheels/
RUN if [ -n "$WHEELS" ]; then printf '[global]\nno-index = true\nfind-links = /wheels\n' > /etc/pip.conf; fi \
 && python -m venv --without-pip /opt/portcullis \
 && python -m pip install --require-hashes -r /wheels/requirements-build.txt \
 && python -m pip --python /opt/portcullis install --require-hashes -r /wheels/requirements.txt

COPY pyproject.toml requirements.in README.md LICENSE ./
COPY certs certs
COPY webhook webhook
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
 && python -m pip --python /opt/portcullis install --no-deps --no-index /dist/*.whl

# The root file system is read-only: what is not compiled here is compiled at every start.
COPY wsgi.py gunicorn.conf.py /app/
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/portcullis/lib /app

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="Portcullis" \
      org.opencontainers.image.description="A Kubernetes admission webhook that keeps a cluster's networking safe" \
      org.opencontainers.image.licenses="Apache-2.0"
# Nothing is installed from here on; what the base brings for it would only be scanned and exploited.
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore pip setuptools wheel
COPY --from=build /opt/portcullis /opt/portcullis
COPY --from=build /app /app
ENV PATH=/opt/portcullis/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
USER 65532:65532
EXPOSE 8443 9402 9403
CMD ["gunicorn", "--config=gunicorn.conf.py", "wsgi:app"]
