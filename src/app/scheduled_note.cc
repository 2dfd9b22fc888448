#include "scheduled_note.h"

#include "run_files.h"

namespace hostspin {
namespace {

constexpr const char* kScheduledFile = "scheduled.note";

}  // namespace

void keep_scheduled_note(Context& context, const Telemetry& telemetry, const CycleReport& report) {
  Env& env = context.env;
  const std::string& root = context.options.root;
  if (telemetry.scheduled_version == 0) return remove_run_file(env.fs, root, kScheduledFile);
  if (!report.scheduled || report.scheduled->note_bytes.empty()) return;  // known from before
  const std::string& note = report.scheduled->note_bytes;
  if (scheduled_note(context) == note) return;
  const Result<void> kept = write_run_file(env.fs, root, kScheduledFile, note);
  if (!kept) env.console.note(kept.error().detail);
}

std::optional<std::string> scheduled_note(Context& context) {
  return read_run_file(context.env.fs, context.options.root, kScheduledFile, kManifestNoteBytesMax);
}

}  // namespace hostspin
