# Renders cloud-init user-data for images that do not have hostspin yet, from ../cloud-init's file in the
# package's examples. No provider is needed to render it: hand `user_data` to your instances.

terraform {
  required_version = ">= 1.3"
}

variable "template" {
  description = "your copy of cloud-init/user-data.yaml: fleet, sources and the package's address filled in, the PASTE marks left"
  type        = string
}

variable "root_note" {
  description = "the fleet's trust root, root/1.note"
  type        = string
}

variable "package_sha256" {
  description = "SHA-256 of the package that the instances download"
  type        = string
}

locals {
  # The note stands in a block of its own, indented like the line that it replaces.
  root_text = replace(trimsuffix(file(var.root_note), "\n"), "\n", "\n      ")
  user_data = replace(
    replace(file(var.template), "PASTE-ROOT-NOTE-HERE", local.root_text),
    "PASTE-SHA256-HERE", var.package_sha256,
  )
}

output "user_data" {
  value = local.user_data

  precondition {
    # length() counts characters; base64 has 4 for 3 bytes.
    condition     = length(base64encode(local.user_data)) <= 21844
    error_message = "EC2 takes at most 16 KiB of raw user-data: bake the image instead."
  }
}
