# One image for both roles. Node 24 runs the TypeScript as it is: there is no build step.
FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# No install script runs: better-sqlite3 brings its binaries, for glibc on x64 and arm64 too.
RUN npm ci --omit=dev --ignore-scripts

FROM node:24-slim
# What the node holds in memory must reach no disk: run with core dumps and swap off, as
# compose.yaml does (ulimits core 0, memswap_limit equal to mem_limit).
ENV NODE_ENV=production \
    DPN_DATA=/data \
    DPN_HTTP_HOST=0.0.0.0
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json ./
COPY bin ./bin
COPY protocol ./protocol
COPY node ./node
# The runtime does not write outside /data: the root file system can be read-only.
RUN mkdir /data && chown node:node /data && chmod 700 /data \
 && ln -s /app/bin/dpn /usr/local/bin/dpn
USER node
VOLUME /data
EXPOSE 8080 4001
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.DPN_HTTP_PORT || 8080}/v1/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["dpn"]
CMD ["start"]
