# The embedded engine, no Java:  docker build -t curate . && docker run --rm curate
FROM python:3.13-slim

ENV CURATE_ASSETS=/opt/curate-assets PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY filters filters
COPY jobs jobs
COPY train_probe train_probe
COPY curate curate
# The demo once: it compiles the loops beside the package (for this kind of processor). Numba takes them from there only where the
# user may also write: so they are the container's user's. Another user, or a root file system that can't be written, compiles again.
RUN pip install -c constraints.txt '.[local]' \
    && curate assets fetch lid.176 \
    && curate sample-crawl /tmp/crawl \
    && curate clean --input /tmp/crawl --output /tmp/corpus --quiet \
    && chown -R 65534:65534 "$(python -P -c 'import curate; print(curate.__path__[0])')" \
    && rm -rf /tmp/crawl /tmp/corpus /src

USER 65534:65534
WORKDIR /tmp
CMD ["sh", "-c", "curate sample-crawl crawl && curate clean --input crawl --output corpus && curate inspect corpus"]
