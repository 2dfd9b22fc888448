# Puts what people know of a service (owner, check, …) beside what an inventory knows (its addresses).
#
#   awk -v draft=DRAFT -v epoch=N -f merge.awk SERVICES/*.toml DRAFT
#
# A file NAME.toml has keys of the service NAME; a key that the draft has too is replaced. NAME may have a table of
# its own if it brings its addresses. _head.toml has keys that stand above the services. DRAFT is in the form that
# 'hostspin-sign import' writes, one key a line.

FNR == 1 && FILENAME != draft {
  service = FILENAME
  sub(/.*\//, "", service)
  sub(/\.toml$/, "", service)
  order[++files] = service
}

FILENAME != draft {
  text[service] = text[service] $0 "\n"
  if ($0 ~ /^[a-z_]+ *=/) {
    match($0, /^[a-z_]+/)
    own[service, substr($0, 1, RLENGTH)] = 1
  }
  next
}

FNR == 1 { service = "_head" }
/^epoch = / && service == "_head" { $0 = "epoch = " epoch }
/^$/ && service == "_head" {
  printf "%s", text[service]
  seen[service] = 1
  service = ""
}
/^\[\[service\]\]$/ { service = "" }
/^name = / && service == "" {
  service = substr($3, 2, length($3) - 2)
  seen[service] = 1
  print
  printf "%s", text[service]
  next
}
!((service, $1) in own)

END {
  for (i = 1; i <= files; ++i) {
    service = order[i]
    if (service in seen) continue
    if (!((service, "addresses") in own)) {
      print "draft.sh: error: " service ".toml: no input has this service, and the file has no addresses" >"/dev/stderr"
      failed = 1
      continue
    }
    printf "\n[[service]]\nname = \"%s\"\n%s", service, text[service]
  }
  exit failed
}
