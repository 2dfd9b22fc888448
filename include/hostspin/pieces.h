#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hostspin {

/// Bytes that lie in pieces elsewhere: a large file with a small change need not be copied to be
/// compared or written. What was added as a view must outlive it and its copies.
class Pieces {
 public:
  Pieces() = default;
  Pieces(std::string_view bytes) { add(bytes); }
  Pieces(std::string&& bytes) { keep(std::move(bytes)); }
  Pieces(const std::string& bytes) = delete;  // a view or a copy: the caller says which

  void add(std::string_view bytes);
  /// Adds bytes that it holds itself.
  void keep(std::string bytes);
  /// Adds bytes that may be very small and very many: they are copied together, so that they cost
  /// their size and no more. Larger ones are viewed, as by add().
  void gather(std::string_view bytes);

  [[nodiscard]] const std::vector<std::string_view>& parts() const { return parts_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool ends_with(char c) const { return !empty() && parts_.back().back() == c; }
  [[nodiscard]] std::string str() const;
  [[nodiscard]] bool operator==(std::string_view bytes) const;

 private:
  std::vector<std::string_view> parts_;  // none of them empty
  std::size_t size_ = 0;
  std::vector<std::shared_ptr<const std::string>> kept_;
  std::shared_ptr<std::string> gathered_;  ///< the last one of kept_, while there is room in it
};

}  // namespace hostspin
