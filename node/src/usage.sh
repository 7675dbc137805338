# How the script is used.

usage() {
  cat >&2 <<'USAGE'
usage: tes-node prepare [--platform OS/ARCH] [--service URL] IMAGE...
       tes-node run     [--platform OS/ARCH] [--service URL] IMAGE [ARG...]
       tes-node clean   [--next IMAGE]...

prepare  cleans up, makes each image ready to run and prints its name, one line per image
run      prepares the image and runs it
clean    removes what earlier tasks left behind; never fails

Settings, from the environment:
  TES_CACHE_URL                the service, such as https://my-cache.azurewebsites.net (or --service)
  TES_CACHE_KEY                its function key, or
  TES_CACHE_KEY_FILE           a file that holds the key
  TES_CACHE_AUDIENCE           the audience of an Entra token, which the node's managed identity gets, where the
                               service is behind Entra
  TES_CACHE_CLIENT_ID          the client id of that identity
  TES_CACHE_ON_MISS            ensure (default): have the service cache a missing image; pull: take it from its
                               registry; fail
  TES_CACHE_WAIT               seconds to wait for an image or an unreachable service (3600)
  TES_CACHE_CONNECTIONS        downloads at once (4)
  TES_NODE_STATE               folder for what the script remembers
                               ($AZ_BATCH_NODE_SHARED_DIR/tes-node, else /var/lib/tes-node)
  TES_NODE_DOCKER              the command to use in place of docker, such as podman or sudo docker
  TES_NODE_RUN_OPTIONS         options of `docker run` for tes-node run, separated by blanks

Exit status: 0 done; 2 wrong usage; 3 the image cannot be had; 4 service or storage out of reach;
5 disk too small; 6 docker failed; 7 what was loaded is not what was asked for
USAGE
  exit 2
}
