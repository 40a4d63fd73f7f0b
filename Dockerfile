FROM python:3.13-alpine AS builder

WORKDIR /src

# without pip, which the image has no use for
RUN python -m venv --without-pip /opt/dockfix

COPY pyproject.toml README.md LICENSE ./
COPY dockfix ./dockfix
COPY transforms ./transforms
RUN pip --python /opt/dockfix/bin/python install --no-cache-dir '.[bot,postgres]'

FROM python:3.13-alpine AS runtime

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PATH=/opt/dockfix/bin:$PATH

# git pushes to Forgejo and Gitea, and wherever --git is given
RUN apk add --no-cache dumb-init git && \
    addgroup -g 1001 -S dockfix && \
    adduser -S dockfix -u 1001 -G dockfix

COPY --from=builder /opt/dockfix /opt/dockfix

# where the repository is mounted
WORKDIR /work

USER dockfix

ENTRYPOINT ["dumb-init", "--", "dockfix"]
