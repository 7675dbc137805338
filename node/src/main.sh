# The command line.

main() {
  own_children
  open_settings
  [ $# -gt 0 ] || usage
  main_command=$1 main_next=
  shift
  while [ $# -gt 0 ]; do
    case $main_command,$1 in
      prepare,--platform | run,--platform) [ $# -gt 1 ] || usage; Platform=$2 ;;
      prepare,--service | run,--service) [ $# -gt 1 ] || usage; Service=$2 ;;
      clean,--next) [ $# -gt 1 ] || usage; main_next="$main_next $2" ;;
      *) break ;;
    esac
    shift 2
  done
  case $main_command in
    prepare)
      [ $# -gt 0 ] || usage
      prepare "$@"
      cat "$Tmp/run_refs"
      ;;
    run)
      [ $# -gt 0 ] || usage
      prepare "$1"
      main_ref=$(cat "$Tmp/run_refs")
      shift
      close_state
      trap - EXIT
      exec 9>&-
      # shellcheck disable=SC2086 # the options are separate words
      exec $Docker run --rm --label "$Label" ${TES_NODE_RUN_OPTIONS:-} "$main_ref" "$@"
      ;;
    clean)
      [ $# -eq 0 ] || usage
      # shellcheck disable=SC2086 # image names have no blanks
      clean $main_next
      exit 0
      ;;
    *) usage ;;
  esac
}
