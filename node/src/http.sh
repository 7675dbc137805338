# HTTP by curl or GNU wget. Neither keys nor signed URLs go on a command line, where ps shows them: curl reads them from
# standard input, wget from standard input and a file of its own.

# request METHOD URL SECONDS HEADERS [BODY-FILE TYPE]: the answer in $Tmp/answer. Sets Status, that of the answer; 000 is
# none. HEADERS, a line each, may have what only this host is to know: no redirect is followed.
request() {
  : >"$Tmp/answer"
  case $Http in
    curl)
      {
        printf 'url = "%s"\n' "$2"
        config_lines '"' "$4"
        [ $# -lt 5 ] || printf 'data-binary = "@%s"\nheader = "Content-Type: %s"\n' "$5" "$6"
      } | curl --config - --silent --show-error --request "$1" --connect-timeout 10 --max-time "$3" \
        --output "$Tmp/answer" --write-out '%{http_code}' >"$Tmp/status" 2>"$Tmp/problem" &
      await
      Status=$(cat "$Tmp/status")
      ;;
    wget)
      config_lines '' "${4:-Accept: */*}" >"$Tmp/wgetrc"
      printf '%s\n' "$2" | WGETRC=$Tmp/wgetrc wget --input-file=- --output-document="$Tmp/answer" --tries=1 \
        --max-redirect=0 --server-response --content-on-error --timeout="$3" --method="$1" \
        ${5:+--body-file="$5" --header="Content-Type: $6"} 2>"$Tmp/problem" &
      await
      Status=$(last_status "$Tmp/problem")
      ;;
  esac
  [ -n "$Status" ] || Status=000
}

# config_lines QUOTE HEADERS: as curl and wget read them in a file.
config_lines() {
  printf '%s\n' "$2" | while IFS= read -r config_lines_header; do
    [ -z "$config_lines_header" ] || printf 'header = %s%s%s\n' "$1" "$config_lines_header" "$1"
  done
}

# fetch_range FROM TO FILE: appends to FILE what comes of this range of the URL in $Tmp/url. Sets RangeStatus, the
# answer's, empty where there is none.
fetch_range() {
  read -r fetch_range_url <"$Tmp/url"
  case $Http in
    curl)
      printf 'url = "%s"\n' "$fetch_range_url" | curl --config - --silent --show-error --fail --connect-timeout 10 \
        --speed-limit 1024 --speed-time 30 --range "$1-$2" --dump-header "$3.head" >>"$3" 2>"$3.problem" &
      await
      RangeStatus=$(last_status "$3.head")
      ;;
    wget)
      # wget has no end of a range of its own, and refuses an answer from elsewhere than its start.
      printf '%s\n' "$fetch_range_url" | wget --input-file=- --output-document=- --tries=1 --timeout=30 \
        --start-pos="$1" --header="Range: bytes=$1-$2" --server-response >>"$3" 2>"$3.problem" &
      await
      RangeStatus=$(last_status "$3.problem")
      ;;
  esac
}

# last_status FILE: that of the last answer whose headers are in it.
last_status() { sed -n 's/^ *HTTP\/[0-9.]* \([0-9][0-9]*\).*/\1/p' "$1" 2>/dev/null | tail -n 1; }

# encode TEXT: for a query.
encode() { printf %s "$1" | sed 's/%/%25/g; s/\[/%5B/g; s/]/%5D/g; s/&/%26/g; s/+/%2B/g; s/#/%23/g'; }
