# What earlier tasks left on disk: their folders, as Batch lays them out, ROOT/workitems/JOB/JOB-RUN/TASK.

# remove_task_folders: every task folder under the Batch root but the current task's.
remove_task_folders() {
  remove_task_folders_root=${AZ_BATCH_NODE_ROOT_DIR:-}
  remove_task_folders_root=${remove_task_folders_root%/}/workitems
  remove_task_folders_task=${AZ_BATCH_TASK_DIR:-}
  remove_task_folders_task=${remove_task_folders_task%/}
  # Without a current task inside of it nothing says what may go.
  case $remove_task_folders_task in "$remove_task_folders_root"/?*/?*/?*) ;; *) return 0 ;; esac
  remove_task_folders_run=${remove_task_folders_task%/*}
  remove_task_folders_job=${remove_task_folders_run%/*}
  [ "${remove_task_folders_job%/*}" = "$remove_task_folders_root" ] || return 0
  for remove_task_folders_each in \
    "$remove_task_folders_root" "$remove_task_folders_job" "$remove_task_folders_run"; do
    if [ -L "$remove_task_folders_each" ] || [ ! -d "$remove_task_folders_each" ]; then
      warn "$remove_task_folders_each is not a plain folder; task folders stay"
      return 0
    fi
  done
  remove_siblings "$remove_task_folders_job"
  remove_siblings "$remove_task_folders_run"
  remove_siblings "$remove_task_folders_task"
}

# remove_siblings PATH: removes every entry of its folder but itself.
remove_siblings() {
  for remove_siblings_entry in "${1%/*}"/* "${1%/*}"/.[!.]* "${1%/*}"/..?*; do
    [ -e "$remove_siblings_entry" ] || [ -L "$remove_siblings_entry" ] || continue
    [ "$remove_siblings_entry" != "$1" ] || continue
    # What is mounted there belongs to somebody else.
    if is_mounted "$remove_siblings_entry"; then
      warn "$remove_siblings_entry stays: something is mounted in it"
      continue
    fi
    rm -rf -- "$remove_siblings_entry" 2>"$Tmp/problem" ||
      warn "$remove_siblings_entry stays: $(tail -n 1 "$Tmp/problem")"
  done
}

# is_mounted PATH: whether something is, there or below.
is_mounted() {
  awk '{ print $5 }' /proc/self/mountinfo 2>/dev/null | while read -r is_mounted_at; do
    case $is_mounted_at/ in "$1"/*) echo yes ;; esac
  done | grep -q yes
}
