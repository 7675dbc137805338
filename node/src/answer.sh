# The service's answer, NAME='value' lines in $Tmp/answer. Nothing that the service sends is ever evaluated.

# field NAME: its value.
field() {
  sed -n "s/^$1='\(.*\)'\$/\1/p" "$Tmp/answer" | sed "s/'\\\\''/'/g" | tr -d '\000-\011\013-\037' | head -n 1
}

# check_answer: what comes into arithmetic or onto a command line is what it should be, whoever sent it.
check_answer() {
  for check_answer_name in SIZE RANGES_SIZE LAYERS LAYERS_HELD; do
    check_answer_value=$(field $check_answer_name)
    [ -z "$check_answer_value" ] || is_number "$check_answer_value" || return 1
  done
  for check_answer_range in $(field RANGES); do
    case $check_answer_range in *-*-* | -* | *- | *[!0-9-]*) return 1 ;; *-*) ;; *) return 1 ;; esac
  done
  for check_answer_name in RUN_REF TAG_AS IMAGE_ID MANIFEST_DIGEST INDEX_DIGEST; do
    case $(field $check_answer_name) in -* | *[!a-zA-Z0-9./:@_[\]-]*) return 1 ;; esac
  done
  case $(field DIFF_IDS_DIGEST) in *[!a-f0-9:sh]*) return 1 ;; esac
  case $(field LOAD_PREFIX) in *[!a-zA-Z0-9+/=]*) return 1 ;; esac
  case $(field ENCODING) in '' | gzip) ;; *) return 1 ;; esac
  check_answer_url=$(field URL)
  case $check_answer_url in http://* | https://*) ;; *) return 1 ;; esac
  case $check_answer_url in *[!a-zA-Z0-9/:._~%\&=?+-]*) return 1 ;; esac
  is_number "$(field SIZE)" && [ -n "$(field RUN_REF)" ] && [ -n "$(field IMAGE_ID)" ]
}

# read_answer: sets RunRef, ImageId, ManifestDigest, IndexDigest, TagAs and Size to what the answer says, and
# ExpectedIds to all ids that the image may have here. Of an archive that was put into the cache by hand, the ids are
# not all known: DiffIdsDigest tells what it holds, LoadPrefix and Encoding how docker takes it.
read_answer() {
  RunRef=$(field RUN_REF)
  ImageId=$(field IMAGE_ID)
  ManifestDigest=$(field MANIFEST_DIGEST)
  IndexDigest=$(field INDEX_DIGEST)
  TagAs=$(field TAG_AS)
  Size=$(field SIZE)
  DiffIdsDigest=$(field DIFF_IDS_DIGEST)
  LoadPrefix=$(field LOAD_PREFIX)
  Encoding=$(field ENCODING)
  # Ids differ between image stores: a config's digest on the classic one, a manifest's or an index's on containerd's.
  ExpectedIds="$ImageId $ManifestDigest $IndexDigest"
}

# local_answer REF ID: where the service could not be asked, the same lines as it would have sent.
local_answer() { printf "RUN_REF='%s'\nIMAGE_ID='%s'\n" "$1" "$2" >"$Tmp/answer"; }
