//===- Warpgroup.h - One thread of an emulated block ------------*- C++ -*-===//
//
/// \file
/// Executes the program of a producer or of a consumer: its registers, its
/// products in flight, and its part in each ring.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_EMULATE_WARPGROUP_H
#define FLASHMHF_LIB_EMULATE_WARPGROUP_H

#include "Machine.h"

#include "flashmhf/Dialect/Hopper/IR/StreamK.h"

namespace mlir::hopper::emulation {

/// A value of type !hopper.slot.
struct SlotValue {
  int32_t ring = 0;
  int64_t slot = 0;
  int64_t use = 0; ///< How often the slot had been got before.
  /// Whose empty barrier a release arrives at: that of the slot itself, unless
  /// the program says otherwise.
  int32_t emptyRing = 0;
  int64_t emptySlot = 0;
};

class Warpgroup {
public:
  /// `consumer` is negative for a producer: -1 for the last one.
  Warpgroup(Machine &machine, ThreadBlock &block, const Program &program,
            int64_t consumer);

  /// Executes the program to its end, or until the machine stops.
  void run();
  bool isIn(const ThreadBlock &other) const { return &block == &other; }
  void startRecord() { events.emplace(); }
  Record takeRecord() {
    Record record = std::move(*events);
    events.reset();
    return record;
  }
  /// "consumer 1 of block 7"
  std::string getName() const;
  std::pair<int64_t, int64_t> getOrder() const {
    return {block.number, consumer};
  }

private:
  void reset();
  void record(Event event) {
    if (events)
      events->push_back(event);
  }
  /// Bytes that are loaded and waited for, and operations on them.
  void recordWait(double bytes, double operations) {
    record({Event::Kind::Load, 0, 0, 0, bytes});
    record({Event::Kind::Compute, 0, 0, 0, operations});
  }
  void recordCompute(const Instruction &instruction);
  /// False to stop.
  bool execute(const Instruction &instruction);
  bool fault(const Instruction &instruction, const Twine &message);
  /// Whether the instruction may do `what` to memory that another kernel of the
  /// stream uses; a fault if that one may still run.
  bool checkPredecessor(const Instruction &instruction, const Twine &what);

  bool executeAffine(const Instruction &instruction);
  bool executeDelinearize(const Instruction &instruction);
  bool executeTileCoordinates(const Instruction &instruction);
  bool executeFloats(const Instruction &instruction);
  bool executeCopyFloats(const Instruction &instruction);
  bool executeTakeColumns(const Instruction &instruction);
  bool executeSetColumns(const Instruction &instruction);
  bool executeScaleBy(const Instruction &instruction);
  bool executeAccess(const Instruction &instruction);
  bool executeSelectFloats(const Instruction &instruction);
  bool executeStorePartial(const Instruction &instruction);
  /// Of the tile, for this consumer; null, with a fault, where there is none.
  int64_t *getCounter(const Instruction &instruction, int64_t tile);
  bool executeArrivals(const Instruction &instruction);
  bool executeMeet(const Instruction &instruction);
  std::optional<StreamWork> getWork(const Instruction &instruction,
                                    int64_t tiles, bool isResident);
  bool executeWorkRange(const Instruction &instruction);
  bool executeWorkItem(const Instruction &instruction);
  bool executeLeavePart(const Instruction &instruction);
  bool executeAddParts(const Instruction &instruction);
  bool executeSumPartials(const Instruction &instruction);
  bool executeSumShares(const Instruction &instruction);
  /// Stores `sum`, which takes up what is there where the target of
  /// `instruction` says so, in argument `dest` from {batch, head, row, column}
  /// on.
  void storeSum(const Instruction &instruction, int32_t dest,
                std::array<int64_t, 4> at, MutableArrayRef<float> sum);
  /// Whether that of a partial sum has been stored; else a fault.
  bool checkStored(const Instruction &instruction, float value, int64_t row,
                   int64_t piece);
  bool executeOwnedRows(const Instruction &instruction);
  bool executeExpect(const Instruction &instruction);
  bool executeAwaitFirst(const Instruction &instruction);
  bool executePush(const Instruction &instruction);
  bool executeSumPushed(const Instruction &instruction);
  /// That what was pushed to piece `piece` is stored to a place, batch, head
  /// and row, of `dest`.
  bool checkPlaceOfSum(const Instruction &instruction, const TensorRef &dest,
                       int64_t piece, std::array<int64_t, 3> at);
  bool executePushShares(const Instruction &instruction);
  bool executeSumPushedShares(const Instruction &instruction);
  /// Waits for the inbox of this consumer to be complete.
  bool awaitInbox(std::unique_lock<std::mutex> &lock,
                  const Instruction &instruction);
  /// The part of the block's inbox that this consumer reads.
  InboxPart &getInbox() { return block.inbox[getPart()]; }
  int64_t getPart() const {
    return block.inbox.size() > 1 ? std::max<int64_t>(consumer, 0) : 0;
  }
  /// Whether nobody can send to the block any more; a fault if somebody can.
  bool checkInboxAtEnd(const Instruction &instruction);
  /// A row of the partial sums that `first` is the address of; null, and a
  /// fault, where there is none.
  float *getPartial(const Instruction &instruction, int64_t first,
                    const TensorRef &like, std::array<int64_t, 4> at);
  bool executePut(const Instruction &instruction);
  bool executeGet(const Instruction &instruction);
  bool executeScale(const Instruction &instruction);
  bool executeRead(const Instruction &instruction);
  bool executeWrite(const Instruction &instruction);
  bool executeSlotAt(const Instruction &instruction);
  bool executeTakeTurn(const Instruction &instruction);
  bool executePassTurn(const Instruction &instruction);
  bool executeRelease(const Instruction &instruction);
  bool executeWgmma(const Instruction &instruction);
  bool executeWait(const Instruction &instruction);

  /// Whether the tile to put is one that TMA fetches or clips; a fault if not.
  bool checkTile(const Instruction &instruction, const RingInfo &info);
  /// Whether every block that fills this slot has it free and puts the same
  /// tile; a fault if not.
  bool checkPut(const Instruction &instruction, ArrayRef<ThreadBlock *> fillers,
                const SlotValue &value);
  /// Copies this block's share of a tile, with zeros outside of the tensor,
  /// into slots.
  void fetch(const Instruction &instruction, const RingInfo &info,
             ArrayRef<Slot *> targets);
  /// The slot, if it may still be read; null after a fault.
  Slot *getReadable(const Instruction &instruction, const SlotValue &value);
  /// Whether no product in flight reads `reg`; a fault if one does.
  bool checkWritable(const Instruction &instruction, int32_t reg);
  std::string describeSlot(const SlotValue &value) const;
  /// Where a put starts along dimension `d`.
  int64_t getCoordinate(const Instruction &put, int d) const {
    return scalars[put.operands[d + 1]] + (d == 2 ? put.target : 0);
  }

  const TensorRef &getTensor(int32_t parameter) const {
    return machine.grid.tensors[parameter];
  }
  float *getFloats(int32_t reg) {
    return floats.data() + program.floats[reg].offset;
  }

  Machine &machine;
  ThreadBlock &block;
  const Program &program;
  int64_t consumer;

  std::optional<Record> events;
  int64_t position = 0;
  std::vector<int64_t> scalars;
  std::vector<float> floats;
  std::vector<SlotValue> slots;

  /// Products are numbered from 1 in the order of issue, and complete in it.
  int64_t issued = 0;
  int64_t completed = 0;
  /// The kernel in front is known to have ended.
  bool hasAwaitedPredecessor = false;
  /// Every block of the cluster is known to have begun.
  bool hasAwaitedCluster = false;
  /// For each tile in registers: the product that makes it, and the latest that
  /// reads it as its A.
  std::vector<int64_t> makers, readers;
  /// For each slot of each ring, the latest product that reads it.
  std::vector<std::vector<int64_t>> slotReaders;
  /// Products that had completed at the last hopper.write: all warps have met
  /// since.
  int64_t completedAtWrite = 0;
};

} // namespace mlir::hopper::emulation

#endif // FLASHMHF_LIB_EMULATE_WARPGROUP_H
