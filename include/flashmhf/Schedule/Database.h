//===- Database.h - Schedules found by tuning -------------------*- C++ -*-===//
//
/// \file
/// What `python -m flashmhf tune` found on a GPU, as JSON:
///
///   {"format": "flashmhf-tuning", "version": 1, "entries": [
///     {"gpu": "h100-sxm", "dtype": "bf16", "out_dtype": "bf16", "heads": 8,
///      "head_dim": 128, "subnetworks": 11, "subnetwork_width": 256,
///      "up": true, "tokens": 4096, "schedule": "#flashmhf.schedule<..>",
///      "microseconds": 101.5, "date": "2026-11-22"}]}
///
/// `gpu` is a name of Chip.h. `tokens` is a class: 8 for up to 8 tokens (B *
/// L), 16, 32, 64, .. for up to that many and more than half of it, 65536 for
/// all above, null for kernels that take any L. Batches of less than 64 tokens
/// each are of no class. `"programmatic": true` stands in entries whose time
/// was taken where kernels start before the one in front of them ends; there
/// may be one with and one without of the same sizes. Other keys are for the
/// reader.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_SCHEDULE_DATABASE_H
#define FLASHMHF_SCHEDULE_DATABASE_H

#include "flashmhf/Schedule/Chip.h"
#include "flashmhf/Schedule/Rules.h"

#include "llvm/Support/Error.h"
#include <memory>
#include <vector>

namespace mlir::flashmhf {

/// One entry, without what is only for the reader.
struct TunedSchedule {
  std::string key;      ///< See getTuningKey.
  std::string schedule; ///< Text of the attribute.
  double microseconds = 0;
  bool programmatic = false; ///< Measured with programmatic starts.
};

class TuningDatabase {
public:
  /// Reads the text of a database; `name` stands in errors.
  static llvm::Expected<TuningDatabase> parse(StringRef text, StringRef name);
  /// Reads a file.
  static llvm::Expected<TuningDatabase> read(StringRef path);
  /// The one that comes with the library.
  static std::shared_ptr<const TuningDatabase> getShipped();

  StringRef getName() const { return name; }
  ArrayRef<TunedSchedule> getEntries() const { return entries; }
  /// The entry for `op` on `chip` of one kind, or null.
  const TunedSchedule *find(const OperatorFacts &op, const Chip &chip,
                            bool programmatic) const;

private:
  std::string name;
  std::vector<TunedSchedule> entries;
};

/// The databases that options ask for, in order of preference. `path`: a file
/// to ask first, "" for none. `tuned`: false for no database at all; then a
/// path is an error.
llvm::Expected<SmallVector<std::shared_ptr<const TuningDatabase>>>
getDatabases(StringRef path, bool tuned);

/// The class of `op`'s tokens, see above; 0 for any number.
std::optional<int64_t> getTokenClass(const OperatorFacts &op);

/// What entries are looked up by: "h100-sxm bf16 bf16 h8 d128 e11 f256 up
/// 4096". Empty where `op` is of no class.
std::string getTuningKey(const OperatorFacts &op, const Chip &chip);

} // namespace mlir::flashmhf

#endif // FLASHMHF_SCHEDULE_DATABASE_H
