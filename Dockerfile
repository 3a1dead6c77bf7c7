# One image a service: docker build --build-arg SERVICE=order-api .
# All of them share every layer but the last few, which are empty or tiny.
# No syntax beyond Docker's classic builder, so that it builds with or without BuildKit.

FROM node:24-bookworm-slim AS base
WORKDIR /app
ENV NPM_CONFIG_UPDATE_NOTIFIER=false NPM_CONFIG_AUDIT=false NPM_CONFIG_FUND=false

# The one door to however many order-apis there are; see docker/gateway.mjs.
FROM base AS gateway
COPY docker ./docker
ENV PORT=8000
USER node
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["node", "docker/healthcheck.mjs"]
CMD ["node", "docker/gateway.mjs"]

FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --loglevel=error
COPY . .
RUN npm run build

# What @prisma/client names as optional peers, the Prisma command line above all, counts as
# optional as well as development: omitting both leaves just what a service loads.
FROM base AS production-dependencies
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --loglevel=error

# The whole mesh, compiled: what every service's image and the set-up step are made of.
# Files belong to root and the process is not root: it cannot change its own code.
FROM base AS mesh
COPY --from=production-dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY prisma/migrations ./prisma/migrations
COPY docker ./docker
COPY --from=build /app/dist ./dist
# The one place that a service may write to, where a volume is mounted on it: payment-simulator's journal.
RUN mkdir /data && chown node:node /data
# A container's own loopback is of no use to others. order-api still refuses to
# listen this wide unless AUTH is configured: that is for whoever runs it to say.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 HEALTH_HOST=0.0.0.0 HEALTH_PORT=9100
USER node

FROM mesh AS migrate
CMD ["node", "dist/scripts/migrate.js"]

FROM mesh AS service
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "docker/healthcheck.mjs"]
# exec: the signals have to reach node, not a shell in front of it.
CMD ["sh", "-c", "exec node --enable-source-maps --max-semi-space-size=4 \"dist/$SERVICE/main.js\""]
ARG SERVICE
ENV SERVICE=$SERVICE
RUN test -f "dist/$SERVICE/main.js" || { echo "There is no service '$SERVICE': build with --build-arg SERVICE=<folder>" >&2; exit 1; }
