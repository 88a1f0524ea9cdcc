# p3mvideo on the CPU, without root: docker build -t p3mvideo .
# Versions are those that pyproject.toml and the base image allow; what is fetched from elsewhere has a layer of its own.
# hadolint global ignore=DL3008,DL3013,DL3059
FROM python:3.12-slim-bookworm AS build

RUN python -m venv /opt/p3mvideo
ENV PATH=/opt/p3mvideo/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# The package index of PyTorch's builds for the CPU: the default build brings several GB of CUDA libraries.
ARG TORCH_INDEX=""
RUN pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch torchvision
COPY pyproject.toml README.md LICENSE ./
COPY weights weights
COPY p3mvideo p3mvideo
ARG EXTRAS=""
RUN pip install ".${EXTRAS:+[$EXTRAS]}"
# Fetched now, so that a container needs no network.
RUN P3MVIDEO_CACHE=/opt/cache p3mvideo weights pull

FROM python:3.12-slim-bookworm

# What OpenCV and MediaPipe link to.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libegl1 libgl1 libgles2 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --create-home --shell /usr/sbin/nologin p3mvideo \
    && install --directory --owner p3mvideo --group p3mvideo /data /cache
COPY --from=build /opt/p3mvideo /opt/p3mvideo
COPY --from=build --chown=p3mvideo:p3mvideo /opt/cache /cache
# Any user may run it (--user), so that outputs belong to whoever owns the folder.
RUN chmod 1777 /cache
ENV PATH=/opt/p3mvideo/bin:$PATH P3MVIDEO_CACHE=/cache MPLCONFIGDIR=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["p3mvideo"]
CMD ["--help"]
