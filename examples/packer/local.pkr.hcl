# The same bake without a cloud: a Debian root as a tar goes in, the same root with its names pinned
# comes out, to be made into a container or a disk image. Needs root, for chroot:
#
#   mmdebstrap --variant=apt --include=systemd-sysv,cloud-init,libcurl4,libseccomp2 bookworm root.tar
#   sudo packer build -var root_tar=root.tar -var package=hostspin.deb -var root_note=root/1.note \
#     -var manifest_note=manifest.note -var configuration=50-site.toml -var image=image.tar local.pkr.hcl

variable "root_tar" { type = string }
variable "package" { type = string }
variable "root_note" { type = string }
variable "manifest_note" { type = string }
variable "configuration" { type = string }
variable "image" { type = string }

source "null" "root" {
  communicator = "none"
}

build {
  sources = ["source.null.root"]

  provisioner "shell-local" {
    environment_vars = [
      "ROOT_TAR=${var.root_tar}", "PACKAGE=${var.package}", "ROOT_NOTE=${var.root_note}",
      "MANIFEST_NOTE=${var.manifest_note}", "CONFIGURATION=${var.configuration}", "IMAGE=${var.image}",
      "LC_ALL=C",
    ]
    inline_shebang = "/bin/sh -eux"
    inline = [
      "root=$(mktemp -d)",
      "trap 'rm -rf --one-file-system \"$root\"' EXIT",
      # No device nodes, which not every builder may make: what runs the image brings its own /dev. What
      # the installation writes to /dev/null makes a plain file here, which is left out again below.
      "tar --extract --numeric-owner --exclude='./dev/*' --file \"$ROOT_TAR\" --directory \"$root\"",
      "install -D -m 644 \"$ROOT_NOTE\" \"$root/etc/hostspin/root.note\"",
      "install -D -m 644 \"$MANIFEST_NOTE\" \"$root/etc/hostspin/manifest.note\"",
      "install -D -m 644 \"$CONFIGURATION\" \"$root/etc/hostspin/conf.d/50-site.toml\"",
      "install -m 644 \"$PACKAGE\" \"$root/tmp/hostspin.deb\"",
      # Pins the names as well, since the trust root is there already.
      "chroot \"$root\" dpkg --install /tmp/hostspin.deb",
      "rm \"$root/tmp/hostspin.deb\"",
      # The last gate. 1 is 'needs attention', such as an expired manifest, or a line of the image's own for
      # a pinned name: look, and decide. How long the manifest lasts, `hostspin status` says.
      "chroot \"$root\" hostspin verify --offline",
      # Clones with one machine-id would all refresh at the same moment.
      "truncate --size 0 \"$root/etc/machine-id\"",
      # /var/lib/hostspin stays: it is what a rollback is judged by.
      "tar --create --numeric-owner --exclude='./dev/*' --file \"$IMAGE\" --directory \"$root\" .",
    ]
  }
}
