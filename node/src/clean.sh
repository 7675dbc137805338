# tes-node clean: what goes before a task. What fails is a warning, so that the task starts.

# clean [IMAGE...]: these are wanted next and stay.
clean() {
  open_state || {
    clean_tmp=$(mktemp -d) || return 0
    use_tmp "$clean_tmp"
    warn "the folder $State cannot be used; the previous image stays"
    open_docker || warn "docker does not answer: $(tail -n 1 "$Tmp/problem")"
    clean_leftovers
    return 0
  }
  open_docker || warn "docker does not answer: $(tail -n 1 "$Tmp/problem")"
  clean_leftovers
  Wanted=
  for clean_image; do
    clean_ref=$(known_ref "$clean_image")
    # A digest always means the same image; a tag means what it points to now.
    case $clean_image in *@*) [ -n "$clean_ref" ] || clean_ref=$clean_image ;; *) clean_ref=$clean_image ;; esac
    Wanted="$Wanted $(id_of "$clean_ref")"
  done
  remove_previous
}
