# Targets: server · signer · device-sim; beside them signer-softhsm (the signer with a software token: profile laptop
# only) and broker (Mosquitto with our listeners and rules). The three base images can be named by build arguments.
ARG NODE_IMAGE=node:20-bookworm-slim
ARG RUNTIME_IMAGE=debian:bookworm-slim
ARG BROKER_IMAGE=eclipse-mosquitto:2.0

FROM ${NODE_IMAGE} AS node

# Everything that compiles: the TypeScript, the signer in one file, and pkcs11js, the one native module.
FROM node AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ make python3 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json ./
# Node's own headers came with the image; the variable keeps a package from reporting the installation to its maker.
RUN npm_config_nodedir=/usr/local SCARF_ANALYTICS=false npm ci --no-audit --no-fund
COPY . .
# Not `npm run build`, which also bundles the command line: that is in no image.
RUN npx tsc -p tsconfig.build.json && mkdir bundles \
 && node scripts/signer-bundle.mjs --out bundles/signer.mjs \
 && npx esbuild src/embedded/soft-token-initialiser.ts --bundle --platform=node --target=node20 --format=esm \
      --external:pkcs11js --outfile=bundles/make-token.mjs \
 && npx esbuild device-sim/main.ts --bundle --platform=node --target=node20 --format=esm --outfile=bundles/device-sim.mjs \
      --banner:js="import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);"

FROM build AS server-packages
RUN npm prune --omit=dev --omit=optional && rm -rf node_modules/pkcs11js

# Node alone: no npm, no compiler. The group is what a signer's socket is opened to; root owns every program.
FROM ${RUNTIME_IMAGE} AS runtime
COPY --from=node /usr/local/bin/node /usr/local/bin/node
RUN groupadd --gid 10001 countersign \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin server \
 && useradd --uid 10002 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin signer \
 && useradd --uid 10003 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin device
ENV NODE_ENV=production

FROM runtime AS server
WORKDIR /app
COPY --from=server-packages /build/package.json ./
COPY --from=server-packages /build/node_modules node_modules
COPY --from=build /build/dist/migrations dist/migrations
COPY --from=build /build/dist/src/domain dist/src/domain
COPY --from=build /build/dist/src/protocol dist/src/protocol
COPY --from=build /build/dist/src/inspect dist/src/inspect
COPY --from=build /build/dist/src/server dist/src/server
# A named volume takes owner and mode of the folder it is first mounted on.
RUN install -d -o server -g countersign -m 0750 /var/lib/countersign /var/lib/countersign/store
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["node", "/app/dist/src/server/main.js"]

# One file and one native module. The PKCS#11 module of the token is mounted, or comes with an image made from this one.
FROM runtime AS signer
WORKDIR /app
COPY --from=build /build/bundles/signer.mjs ./
COPY --from=build /build/node_modules/pkcs11js/package.json /build/node_modules/pkcs11js/index.js node_modules/pkcs11js/
COPY --from=build /build/node_modules/pkcs11js/build/Release/pkcs11.node node_modules/pkcs11js/build/Release/
RUN install -d -o signer -g countersign -m 0750 /run/countersign /run/countersign/release /run/countersign/online \
 && install -d -o signer -g countersign -m 0700 /var/lib/countersign /var/lib/countersign/state /var/lib/countersign/token \
      /var/lib/countersign/published
USER 10002:10001
ENTRYPOINT ["node", "/app/signer.mjs"]

# SoftHSM2 keeps its keys in plain files: profile laptop only, and profile production refuses it.
FROM signer AS signer-softhsm
USER root
RUN apt-get update && apt-get install -y --no-install-recommends softhsm2 && rm -rf /var/lib/apt/lists/* \
 && ln -s "$(dpkg -L libsofthsm2 | grep -m 1 '/libsofthsm2\.so$')" /usr/local/lib/pkcs11-module.so
COPY --from=build /build/bundles/make-token.mjs ./
COPY deploy/compose/softhsm2.conf /etc/countersign-softhsm2.conf
ENV SOFTHSM2_CONF=/etc/countersign-softhsm2.conf
USER 10002:10001

FROM runtime AS device-sim
WORKDIR /app
COPY --from=build /build/bundles/device-sim.mjs ./
RUN install -d -o device -g countersign -m 0700 /var/lib/countersign /var/lib/countersign/devices
USER 10003:10001
ENTRYPOINT ["node", "/app/device-sim.mjs"]

# The server adds devices' accounts to the broker's folder and tells it to read them again, so both are one user.
FROM ${BROKER_IMAGE} AS broker
USER root
COPY deploy/compose/*.conf deploy/compose/*.acl /etc/countersign-broker/
COPY deploy/compose/start-broker /usr/local/bin/start-broker
RUN mkdir -p /broker && chown 10001:10001 /broker && chmod 0700 /broker && chmod 0755 /usr/local/bin/start-broker \
 && chmod -R a+rX /etc/countersign-broker
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/start-broker"]
CMD []
