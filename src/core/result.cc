#include "hostspin/result.h"

#include <array>

namespace hostspin {

std::string_view code_name(Errc code) {
  switch (code) {
    case Errc::bad_note:
      return "bad_note";
    case Errc::bad_key:
      return "bad_key";
    case Errc::bad_signature:
      return "bad_signature";
    case Errc::too_few_signatures:
      return "too_few_signatures";
    case Errc::bad_root:
      return "bad_root";
    case Errc::bad_manifest:
      return "bad_manifest";
    case Errc::wrong_fleet:
      return "wrong_fleet";
    case Errc::wrong_epoch:
      return "wrong_epoch";
    case Errc::rollback:
      return "rollback";
    case Errc::equivocation:
      return "equivocation";
    case Errc::expired:
      return "expired";
    case Errc::root_expired:
      return "root_expired";
    case Errc::root_withheld:
      return "root_withheld";
    case Errc::name_not_allowed:
      return "name_not_allowed";
    case Errc::address_not_allowed:
      return "address_not_allowed";
    case Errc::damaged_markers:
      return "damaged_markers";
    case Errc::block_too_large:
      return "block_too_large";
    case Errc::hosts_too_large:
      return "hosts_too_large";
    case Errc::bind_mount:
      return "bind_mount";
    case Errc::immutable:
      return "immutable";
    case Errc::read_only:
      return "read_only";
    case Errc::disk_full:
      return "disk_full";
    case Errc::denied:
      return "denied";
    case Errc::foreign_owner:
      return "foreign_owner";
    case Errc::writer_busy:
      return "writer_busy";
    case Errc::symlink_refused:
      return "symlink_refused";
    case Errc::not_found:
      return "not_found";
    case Errc::io_error:
      return "io_error";
    case Errc::busy:
      return "busy";
    case Errc::held:
      return "held";
    case Errc::bad_config:
      return "bad_config";
    case Errc::no_trust_root:
      return "no_trust_root";
    case Errc::no_sources:
      return "no_sources";
    case Errc::usage:
      return "usage";
    case Errc::fetch_failed:
      return "fetch_failed";
    case Errc::worker_failed:
      return "worker_failed";
    case Errc::timed_out:
      return "timed_out";
    case Errc::internal:
      return "internal";
  }
  return "internal";
}

std::string_view default_hint(Errc code) {
  switch (code) {
    case Errc::bad_note:
      return "look at the note with 'hostspin inspect NOTE'; publish it again from the desk's copy";
    case Errc::bad_key:
      return "make a key with 'hostspin-sign keygen' and list the verifier key it prints";
    case Errc::bad_signature:
      return "the text was altered after it was signed: check the desk's copy with 'hostspin-sign "
             "check' and sign again";
    case Errc::too_few_signatures:
      // Never advice to sign: who has stolen one key would have a fleet's operators complete it.
      return "no such note is ever published: unless you know better, somebody attacks with the "
             "keys that signed; ask their owners, and take stolen keys out with 'hostspin-sign "
             "root "
             "next'";
    case Errc::bad_root:
      return "correct the root and run 'hostspin-sign check' before it is signed and published";
    case Errc::bad_manifest:
      return "correct the manifest and run 'hostspin-sign check' before it is signed and published";
    case Errc::wrong_fleet:
      return "compare the fleet shown by 'hostspin trust' with the source's; one of them is "
             "another fleet's";
    case Errc::wrong_epoch:
      return "set the epoch that the trusted root names ('hostspin trust') and sign the manifest "
             "again";
    case Errc::rollback:
      return "a source serves an old copy: publish the newest manifest everywhere, or "
             "'hostspin-sign bump' and sign again";
    case Errc::equivocation:
      return "two texts were signed with one version: find out who signed the other, then "
             "'hostspin-sign bump' and sign again";
    case Errc::expired:
      return "publish a fresh manifest: 'hostspin-sign bump', then 'hostspin-sign sign'; the pins "
             "stay meanwhile";
    case Errc::root_expired:
      return "publish a new root: 'hostspin-sign root next'; until then no manifest is adopted";
    case Errc::root_withheld:
      return "publish every root/N.note beside the manifest on every source; 'hostspin trust' "
             "shows the root held here";
    case Errc::name_not_allowed:
      return "pin only names within the root's 'names' ('hostspin trust'), or widen them by "
             "'hostspin-sign root next'";
    case Errc::address_not_allowed:
      return "pin only addresses within the root's 'networks' ('hostspin trust'), or widen them by "
             "'hostspin-sign root next'";
    case Errc::damaged_markers:
      return "run 'hostspin repair': it shows what it would do before it does it";
    case Errc::block_too_large:
      return "pin fewer names or addresses; 'hostspin-sign check' counts the lines they make";
    case Errc::hosts_too_large:
      return "move lists of blocked names to the resolver; every lookup reads this file as well";
    case Errc::bind_mount:
      return "the file is a mount point: set [hosts] write = \"in-place\", or unmount it";
    case Errc::immutable:
      return "take the immutable flag off with 'chattr -i -a', or 'hostspin hold' if it is meant";
    case Errc::read_only:
      return "the file system is read-only: remount it writable, then 'hostspin apply'";
    case Errc::disk_full:
      return "free space or quota on the file's file system, then 'hostspin apply'";
    case Errc::denied:
      return "run as root; 'hostspin doctor' names what stands in the way";
    case Errc::foreign_owner:
      return "give the file to root ('chown root:root'), or run 'hostspin apply' once as full root";
    case Errc::writer_busy:
      return "another program keeps the file open for writing: 'hostspin doctor' names known ones";
    case Errc::symlink_refused:
      return "replace the symbolic link by what it points to, or name the real file with "
             "--hosts-file";
    case Errc::not_found:
      return "check the path";
    case Errc::io_error:
      return "check the disk and the kernel's log; 'hostspin doctor' looks at the file";
    case Errc::busy:
      return "another hostspin is at work: try again in a moment";
    case Errc::held:
      return "'hostspin status' says who asked for the hold; 'hostspin release' ends it";
    case Errc::bad_config:
      return "correct the configuration file; hostspin.toml(5) lists every key";
    case Errc::no_trust_root:
      return "install the fleet's root as /etc/hostspin/root.note, then 'hostspin doctor'";
    case Errc::no_sources:
      return "configure at least one [[source]] (hostspin.toml(5)), or give one by 'hostspin "
             "refresh --from PATH'";
    case Errc::usage:
      return "see 'hostspin --help'";
    case Errc::fetch_failed:
      return "'hostspin status' shows each source's last answer; check the route to its address";
    case Errc::worker_failed:
      return "look for hostspin-net or hostspin-ask in the system log; 'hostspin doctor' checks "
             "both";
    case Errc::timed_out:
      return "try again; 'hostspin verify' shows what answers";
    case Errc::internal:
      return "this is a fault of hostspin: please report it with the output of 'hostspin doctor'";
  }
  return "";
}

bool retryable(Errc code) {
  switch (code) {
    case Errc::disk_full:
    case Errc::writer_busy:
    case Errc::io_error:
    case Errc::busy:
    case Errc::fetch_failed:
    case Errc::worker_failed:
    case Errc::timed_out:
    case Errc::root_withheld:  // a lagging mirror catches up by itself
      return true;
    case Errc::bad_note:
    case Errc::bad_key:
    case Errc::bad_signature:
    case Errc::too_few_signatures:
    case Errc::bad_root:
    case Errc::bad_manifest:
    case Errc::wrong_fleet:
    case Errc::wrong_epoch:
    case Errc::rollback:
    case Errc::equivocation:
    case Errc::expired:
    case Errc::root_expired:
    case Errc::name_not_allowed:
    case Errc::address_not_allowed:
    case Errc::damaged_markers:
    case Errc::block_too_large:
    case Errc::hosts_too_large:
    case Errc::bind_mount:
    case Errc::immutable:
    case Errc::read_only:
    case Errc::denied:
    case Errc::foreign_owner:
    case Errc::symlink_refused:
    case Errc::not_found:
    case Errc::held:
    case Errc::bad_config:
    case Errc::no_trust_root:
    case Errc::no_sources:
    case Errc::usage:
    case Errc::internal:
      return false;
  }
  return false;
}

Error annotate(Error error, std::string_view context) {
  std::string detail(context);
  detail += ": ";
  detail += error.detail;
  error.detail = std::move(detail);
  return error;
}

std::string quoted(std::string_view text, std::size_t bytes_max) {
  constexpr std::array<char, 17> kHexDigits{"0123456789abcdef"};
  const bool cut = text.size() > bytes_max;

  std::string shown = "'";
  for (const char c : text.substr(0, bytes_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && c != '\'' && c != '\\') {
      shown += c;
      continue;
    }
    shown += "\\x";
    shown += kHexDigits[byte >> 4U];
    shown += kHexDigits[byte & 0xfU];
  }
  shown += '\'';
  if (cut) shown += "...";
  return shown;
}

}  // namespace hostspin
