#include <algorithm>

#include "foreign.h"
#include "hostspin/hosts_file.h"
#include "markers.h"

namespace hostspin {
namespace {

/// Every line that comment-out had prefixed. Comment-out prefixes no comment, so of several
/// prefixes at most one is its own, and nobody can tell which: all go, as where a line is put back
/// by apply, or each run would take one more away.
void restore_all(std::string_view part, std::size_t first_line, ForeignFindings& findings,
                 EditedPart& edited) {
  std::size_t counted = 0;
  for (std::size_t at = part.find(kConflictPrefix); at != std::string_view::npos;
       at = part.find(kConflictPrefix, at + 1)) {
    if (at > 0 && part[at - 1] != '\n') continue;
    const std::string_view line = part.substr(at, part.find('\n', at) - at);
    const std::optional<std::string_view> hidden = hidden_line(line);
    if (!hidden) continue;
    first_line += count_lines(part.substr(counted, at - counted));
    counted = at;
    edited.apply({at, /*comment=*/false, line.size() - hidden->size()});
    findings.note_restored(first_line);
  }
}

/// Takes the block alone apart; a large foreign part is only ever looked at.
Drift drift_of(std::string_view bytes, const BlockPlace& place, std::string_view wanted_block,
               const std::vector<Pin>& pins) {
  if (place.block(bytes) == wanted_block) return Drift::none;
  return compare_block(read_block(place, bytes), wanted_block, pins);
}

}  // namespace

Result<Plan> plan_apply(std::string_view bytes, std::string_view wanted_block,
                        const std::vector<Pin>& pins, ConflictPolicy policy,
                        const std::set<HostName>& own_names) {
  const Result<BlockPlace> place = locate_block(bytes);
  if (!place) return place.error();
  const std::string_view before = place->before(bytes);
  const std::string_view after = place->after(bytes);

  Plan plan;
  plan.drift = drift_of(bytes, *place, wanted_block, pins);
  plan.layout_kept = plan.drift == Drift::layout;
  plan.added_final_newline = !bytes.empty() && bytes.back() != '\n';
  plan.byte_order_mark = (before.empty() ? after : before).starts_with(kByteOrderMark);

  const NameIndex names(pins);
  ForeignFindings findings;
  EditedPart edited_before(before, plan.after);
  scan_foreign({before, 1, true}, names, policy, own_names, findings, &edited_before);
  edited_before.finish();
  plan.after.keep(std::string(wanted_block));
  const std::size_t next_line = place->present ? place->end.line + 1 : 1;
  EditedPart edited_after(after, plan.after);
  scan_foreign({after, next_line, false}, names, policy, own_names, findings, &edited_after);
  edited_after.finish();
  if (!plan.after.empty() && !plan.after.ends_with('\n')) plan.after.add("\n");

  const bool is_right = plan.drift == Drift::none && !plan.added_final_newline &&
                        !edited_before.changed() && !edited_after.changed();
  plan.only_root_changes = is_right && place->block(bytes) != wanted_block;
  plan.changes = !is_right || plan.only_root_changes;
  plan.conflicts = std::move(findings.conflicts);
  plan.conflict_lines = findings.conflict_lines;
  plan.hidden_lines = findings.hidden_lines;
  plan.restored_lines = std::move(findings.restored_lines);
  plan.restored_count = findings.restored_count;
  plan.foreign_long_lines = std::move(findings.long_lines);
  plan.no_localhost = !gives_localhost(bytes);
  return plan;
}

Result<Plan> plan_remove(std::string_view bytes) {
  const Result<BlockPlace> place = locate_block(bytes);
  if (!place) return place.error();
  Plan plan;
  if (!place->present) plan.drift = Drift::missing;
  const std::string_view before = place->before(bytes);
  const std::string_view after = place->after(bytes);
  const std::size_t next_line = place->present ? place->end.line + 1 : 1;
  ForeignFindings findings;
  EditedPart edited_before(before, plan.after);
  restore_all(before, 1, findings, edited_before);
  edited_before.finish();
  EditedPart edited_after(after, plan.after);
  restore_all(after, next_line, findings, edited_after);
  edited_after.finish();
  plan.restored_lines = std::move(findings.restored_lines);
  plan.restored_count = findings.restored_count;
  plan.changes = place->present || plan.restored_count > 0;
  plan.no_localhost = !gives_localhost(bytes);
  return plan;
}

}  // namespace hostspin
