# What earlier tasks left in docker, but for images. Whatever fails is a warning.

clean_leftovers() {
  remove_containers
  remove_volumes
  remove_task_folders
}

remove_containers() {
  for remove_containers_id in $($Docker ps --all --quiet --filter "label=$Label" 2>/dev/null); do
    $Docker rm --force --volumes "$remove_containers_id" >/dev/null 2>"$Tmp/problem" ||
      warn "container $remove_containers_id stays: $(tail -n 1 "$Tmp/problem")"
  done
}

# remove_volumes: anonymous volumes that no container has any more, and those of this script. `docker volume prune` would
# also take named ones of others on daemons before 23.0.
remove_volumes() {
  # Where anonymous volumes have no label, their names are 64 hexadecimal digits.
  $Docker volume ls --filter dangling=true --format '{{.Name}} {{.Labels}}' 2>/dev/null |
    awk -v own="$Label" -v old="$OldVolumes" '
      { labels = "," $2 ","; gsub(/=[^,]*/, "", labels) }
      index(labels, "," own ",") || index(labels, ",com.docker.volume.anonymous,") { print $1; next }
      old == "yes" && length($1) == 64 && $1 !~ /[^0-9a-f]/ { print $1 }' >"$Tmp/volumes"
  while read -r remove_volumes_name; do
    $Docker volume rm "$remove_volumes_name" >/dev/null 2>"$Tmp/problem" ||
      warn "volume $remove_volumes_name stays: $(tail -n 1 "$Tmp/problem")"
  done <"$Tmp/volumes"
}
