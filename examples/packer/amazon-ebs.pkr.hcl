# Bakes hostspin into an image: an instance of it has its names pinned before cloud-init starts, with
# nothing in user-data. The variables have no sensible defaults. Name this file, since the other one in
# this directory has variables of the same names: `packer validate -var ... amazon-ebs.pkr.hcl`. A Packer
# that brings no builders along first wants `packer plugins install github.com/hashicorp/amazon`.

variable "source_ami" { type = string }
variable "region" { type = string }

# Made by the package's build, and by hostspin-sign on somebody's desk.
variable "package" { type = string }
variable "root_note" { type = string }
variable "manifest_note" { type = string }
variable "configuration" { type = string }

source "amazon-ebs" "debian" {
  ami_name      = "debian-hostspin-{{timestamp}}"
  instance_type = "t3.small"
  region        = var.region
  source_ami    = var.source_ami
  ssh_username  = "admin"
}

build {
  sources = ["source.amazon-ebs.debian"]

  provisioner "file" {
    source      = var.package
    destination = "/tmp/hostspin.deb"
  }
  provisioner "file" {
    source      = var.root_note
    destination = "/tmp/root.note"
  }
  provisioner "file" {
    source      = var.manifest_note
    destination = "/tmp/manifest.note"
  }
  provisioner "file" {
    source      = var.configuration
    destination = "/tmp/50-site.toml"
  }

  provisioner "shell" {
    execute_command = "sudo sh -eux '{{ .Path }}'"
    inline = [
      "install -D -m 644 /tmp/root.note /etc/hostspin/root.note",
      "install -D -m 644 /tmp/manifest.note /etc/hostspin/manifest.note",
      "install -D -m 644 /tmp/50-site.toml /etc/hostspin/conf.d/50-site.toml",
      # Pins the names as well, since the trust root is there already.
      "apt-get install --yes /tmp/hostspin.deb",
      # The last gate. 1 is 'needs attention', such as an expired manifest, or a line of the image's own for
      # a pinned name: look, and decide. How long the manifest lasts, `hostspin status` says.
      "hostspin verify --offline",
      # Clones with one machine-id would all refresh at the same moment.
      "truncate --size 0 /etc/machine-id",
      "cloud-init clean --logs",
      # /var/lib/hostspin stays: it is what a rollback is judged by.
    ]
  }
}
