#include "hostspin/pieces.h"

namespace hostspin {

void Pieces::add(std::string_view bytes) {
  if (bytes.empty()) return;
  parts_.push_back(bytes);
  size_ += bytes.size();
}

void Pieces::keep(std::string bytes) {
  kept_.push_back(std::make_shared<const std::string>(std::move(bytes)));
  add(*kept_.back());
}

void Pieces::gather(std::string_view bytes) {
  constexpr std::size_t kCopiedMax = 512;
  constexpr std::size_t kRoom = 64U << 10U;
  if (bytes.size() >= kCopiedMax) return add(bytes);
  if (bytes.empty()) return;
  const bool has_room = gathered_ && gathered_->capacity() - gathered_->size() >= bytes.size();
  if (!has_room) {
    gathered_ = std::make_shared<std::string>();
    gathered_->reserve(kRoom);
    kept_.push_back(gathered_);
  }
  // Never moves, since there is room.
  const char* const place = gathered_->data() + gathered_->size();
  *gathered_ += bytes;
  const bool goes_on = !parts_.empty() && parts_.back().data() + parts_.back().size() == place;
  if (!goes_on) return add(std::string_view(place, bytes.size()));
  parts_.back() = std::string_view(parts_.back().data(), parts_.back().size() + bytes.size());
  size_ += bytes.size();
}

std::string Pieces::str() const {
  std::string whole;
  whole.reserve(size_);
  for (const std::string_view part : parts_) whole += part;
  return whole;
}

bool Pieces::operator==(std::string_view bytes) const {
  if (bytes.size() != size_) return false;
  for (const std::string_view part : parts_) {
    if (part.data() != bytes.data() && !bytes.starts_with(part)) return false;
    bytes.remove_prefix(part.size());
  }
  return true;
}

}  // namespace hostspin
