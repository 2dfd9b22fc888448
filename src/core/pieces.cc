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
