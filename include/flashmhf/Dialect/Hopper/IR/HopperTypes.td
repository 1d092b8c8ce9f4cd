//===- HopperTypes.td - Types of the hopper dialect --------*- tablegen -*-===//

#ifndef FLASHMHF_HOPPER_TYPES
#define FLASHMHF_HOPPER_TYPES

include "flashmhf/Dialect/Hopper/IR/HopperDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinTypeInterfaces.td"

class Hopper_Type<string name, string mnem> : TypeDef<Hopper_Dialect, name> {
  let mnemonic = mnem;
}

def Hopper_TensorMapType : Hopper_Type<"TensorMap", "tensor_map"> {
  let summary = "a TMA tensor map that fetches tiles of a rank-4 tensor";
  let description = [{
    `!hopper.tensor_map<1x1x128x96xbf16>` describes a tensor in global memory,
    rank 4, innermost stride 1, of which one transfer brings the given tile.
    The two outer extents of a tile are 1. A tile may be a part of a slot: see
    hopper.put. Elements outside of the tensor read as zero. The host encodes it and passes it by value.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "Type":$elementType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Rows and columns of the tile.
    int64_t getRows() const { return getShape()[2]; }
    int64_t getColumns() const { return getShape()[3]; }
  }];
}

def Hopper_RingType : Hopper_Type<"Ring", "ring"> {
  let summary = "a ring of shared-memory slots with their full and empty barriers";
  let description = [{
    `!hopper.ring<2 x 128x96xbf16>`: two slots of 128 rows and 96 columns. One
    region puts tiles into a ring and one region gets them, both in slot order.

    `!hopper.ring<2 x 128x96xbf16, cluster 2>`: the blocks of a cluster of 2 fill
    their slots together. Each fetches its share of every tile for all of them,
    and a slot is empty when the consumers of all of them have released it.

    `!hopper.ring<1 x 128x96xbf16, parts 2>`: a slot is two parts of 64 rows, one
    for each of two consumers. Each part has barriers of its own: a consumer
    waits for its part only, and the part is refilled once that consumer has
    released it. No cluster fills such a ring.

    `!hopper.ring<2 x 8x64xbf16, local>`: no producer puts tiles into this ring. A
    consumer gets its slots in turn, without waiting, and fills them itself with
    hopper.write; it gives none back.
  }];
  let parameters = (ins "int64_t":$slots, ArrayRefParameter<"int64_t">:$shape,
                        "Type":$elementType, "int64_t":$cluster,
                        "int64_t":$parts, "bool":$local);
  let builders = [TypeBuilder<(ins "int64_t":$slots,
      "ArrayRef<int64_t>":$shape, "Type":$elementType,
      CArg<"int64_t", "1">:$cluster, CArg<"int64_t", "1">:$parts,
      CArg<"bool", "false">:$local), [{
    return $_get($_ctxt, slots, shape, elementType, cluster, parts, local);
  }]>];
  let skipDefaultBuilders = 1;
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getRows() const { return getShape()[0]; }
    int64_t getColumns() const { return getShape()[1]; }
    int64_t getPartRows() const { return getRows() / getParts(); }
    int64_t getPartBytes() const;
    /// Bytes of one slot.
    int64_t getSlotBytes() const { return getParts() * getPartBytes(); }
    /// The ring with another number of slots.
    RingType withSlots(int64_t slots) const;
  }];
}

def Hopper_SlotType : Hopper_Type<"Slot", "slot"> {
  let summary = "a tile that has arrived in shared memory";
  let description = [{
    `!hopper.slot<128x96xbf16>`, or `!hopper.slot<128x96xbf16, cluster 2>` of a
    ring that a cluster fills together.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "Type":$elementType,
                        "int64_t":$cluster);
  let builders = [TypeBuilder<(ins "ArrayRef<int64_t>":$shape,
      "Type":$elementType, CArg<"int64_t", "1">:$cluster), [{
    return $_get($_ctxt, shape, elementType, cluster);
  }]>];
  let skipDefaultBuilders = 1;
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getRows() const { return getShape()[0]; }
    int64_t getColumns() const { return getShape()[1]; }
  }];
}

def Hopper_InboxType : Hopper_Type<"Inbox", "inbox"> {
  let summary = "shared memory that the blocks of a cluster send rows to";
  let description = [{
    `!hopper.inbox<8 x 4x128>`: from each of 8 blocks 4 rows of 128 f32, and a
    barrier that counts the bytes that have arrived. The blocks have numbers, as
    pieces of a tile, which are their ranks in the cluster.

    `!hopper.inbox<8 x 4x128, parts 2>`: as much for each of two consumers, who
    do not wait for each other's rows.

    `!hopper.inbox<shares 2 x 64x128>`: from each other of 2 blocks, its part of
    the block's share of a tile of 64x128; hopper.sum_shares says what a share is.
  }];
  let parameters = (ins "int64_t":$pieces, "int64_t":$rows, "int64_t":$columns,
                        "int64_t":$parts, "bool":$shares);
  let builders = [TypeBuilder<(ins "int64_t":$pieces, "int64_t":$rows,
      "int64_t":$columns, CArg<"int64_t", "1">:$parts,
      CArg<"bool", "false">:$shares), [{
    return $_get($_ctxt, pieces, rows, columns, parts, shares);
  }]>];
  let skipDefaultBuilders = 1;
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes of one row.
    int64_t getRowBytes() const { return 4 * getColumns(); }
    /// Pieces that send to a part.
    int64_t getSenders() const { return getPieces() - (getShares() ? 1 : 0); }
    /// Bytes of what one piece sends to a part, at most.
    int64_t getPieceBytes() const;
    int64_t getPartBytes() const;
  }];
}

def Hopper_InflightType : Hopper_Type<"Inflight", "inflight"> {
  let summary = "the result of a product that has been issued but not awaited";
  let description = [{
    `!hopper.inflight<vector<64x128xf32>>`, or with the register operand that
    the product still reads,
    `!hopper.inflight<vector<64x128xf32> reads vector<64x64xbf16>>`. The
    registers of that operand stay reserved until the wait.
  }];
  let parameters = (ins "VectorType":$result,
                        OptionalParameter<"VectorType">:$operand);
  let assemblyFormat = "`<` $result (`reads` $operand^)? `>`";
}

#endif // FLASHMHF_HOPPER_TYPES
