# One image a service: docker build --build-arg SERVICE=order-api .
# All of them share every layer but the last few, which are empty or tiny.
# No syntax beyond Docker's classic builder, so that it builds with or without BuildKit.

# The proxy in front of order-api. Its configuration is checked here, so that a mistake fails the build.
FROM haproxy:3.2-alpine AS gateway
USER root
COPY deploy/haproxy/haproxy.cfg /usr/local/etc/haproxy/haproxy.cfg
# Readable for the user that runs it, whatever the umask of the checkout.
RUN chmod 644 /usr/local/etc/haproxy/haproxy.cfg && haproxy -c -f /usr/local/etc/haproxy/haproxy.cfg
USER haproxy
# Alpine has wget and no curl; other builds of HAProxy have curl.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s \
  CMD wget -q -O /dev/null http://127.0.0.1:8404/readyz || curl -fsS -o /dev/null http://127.0.0.1:8404/readyz

FROM node:24-bookworm-slim AS base
WORKDIR /app
ENV NPM_CONFIG_UPDATE_NOTIFIER=false NPM_CONFIG_AUDIT=false NPM_CONFIG_FUND=false

FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --loglevel=error
COPY . .
# Readable for the user that runs it, whatever the umask of the checkout.
RUN chmod -R a+rX docker notification-service/templates package.json scripts && npm run build
# The migrations and schema files of the mesh, and of the services that have their own: all that is needed of the
# folders they are in.
RUN mkdir /migrations && find . \( -path ./node_modules -o -path ./prisma/.schema \) -prune \
  -o \( -type d -name migrations -o -type f -name '*.prisma' \) \
  -exec cp -r --parents -t /migrations {} + && chmod -R a+rX /migrations

# What @prisma/client names as optional peers, the Prisma command line above all, counts as
# optional as well as development: omitting both leaves just what a service loads.
FROM base AS production-dependencies
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --loglevel=error
# Two thirds of it are for other databases, and for people who read the code of others.
RUN find node_modules/@prisma/client/runtime -name 'query_compiler_*' ! -name '*.postgresql.*' -delete \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
# What is in the image, by name, version and licence: CycloneDX.
COPY scripts/sbom.mjs ./scripts/
RUN node scripts/sbom.mjs > sbom.cdx.json && chmod a+r sbom.cdx.json

# The whole mesh, compiled: what every service's image and the set-up step are made of.
# Files belong to root and the process is not root: it cannot change its own code.
FROM base AS mesh
COPY --from=production-dependencies /app/node_modules ./node_modules
COPY --from=production-dependencies /app/sbom.cdx.json ./
COPY --from=build /app/package.json ./
COPY --from=build /migrations ./
COPY --from=build /app/docker ./docker
COPY --from=build /app/notification-service/templates ./notification-service/templates
# npm run audit, dlq, payments, keys, notifications, backfill, migrate and demo work inside the containers.
COPY --from=build /app/scripts/bootstrap.mjs ./scripts/
COPY --from=build /app/scripts/bootstrap ./scripts/bootstrap
COPY --from=build /app/dist ./dist
# The one place that a service may write to, where a volume is mounted on it: payment-simulator's journal.
RUN mkdir /data && chown node:node /data
# A container's own loopback is of no use to others. order-api still refuses to
# listen on every address unless AUTH is configured: that is for whoever runs it to say.
# The root file system may be read-only; npm writes below /tmp, if anywhere.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 HEALTH_HOST=0.0.0.0 HEALTH_PORT=9100 \
    API_URL=http://127.0.0.1:8000 NPM_CONFIG_CACHE=/tmp/npm
USER node

FROM mesh AS migrate
# It runs to its end, and its exit code tells how it went.
HEALTHCHECK NONE
CMD ["node", "dist/scripts/migrate.js"]

FROM mesh AS service
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "docker/healthcheck.mjs"]
# exec: the signals have to reach node, not a shell in front of it.
CMD ["sh", "-c", "exec node --enable-source-maps --max-semi-space-size=4 \"dist/$SERVICE/main.js\""]
ARG SERVICE
ENV SERVICE=$SERVICE
RUN test -f "dist/$SERVICE/main.js" || { echo "There is no service '$SERVICE': build with --build-arg SERVICE=<folder>" >&2; exit 1; }
