//===- Ptxas.cpp - NVIDIA's assembler -------------------------------------===//
//
/// \file
/// Runs ptxas on temporary files and reads its messages. In: PTX text; out: a
/// cubin and what the assembler complained about.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/Ptxas.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include <dlfcn.h>

using namespace mlir::flashmhf;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;

/// Folders that may hold ptxas beside those in PATH.
static std::vector<std::string> getPtxasFolders() {
  namespace path = llvm::sys::path;
  std::vector<std::string> folders;
  auto add = [&](StringRef root, const llvm::Twine &a,
                 const llvm::Twine &b = "", const llvm::Twine &c = "") {
    SmallString<128> folder(root);
    path::append(folder, a, b, c);
    folders.push_back(folder.str().str());
  };
  for (const char *variable : {"CUDA_HOME", "CUDA_PATH"})
    if (std::optional<std::string> root = llvm::sys::Process::GetEnv(variable))
      add(*root, "bin");
  folders.emplace_back("/usr/local/cuda/bin");
  // NVIDIA's wheels for CUDA 13 and 12, in a folder of Python packages.
  auto addWheels = [&](StringRef packages) {
    add(packages, "nvidia", "cu13", "bin");
    add(packages, "nvidia", "cuda_nvcc", "bin");
  };
  // This library may be in such a folder itself: packages/flashmhf/lib*.so.
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&findPtxas), &info) && info.dli_fname)
    addWheels(path::parent_path(path::parent_path(info.dli_fname)));
  for (const char *variable : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    std::optional<std::string> root = llvm::sys::Process::GetEnv(variable);
    if (!root)
      continue;
    SmallString<128> lib(*root);
    path::append(lib, "lib");
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(lib, error), end;
         !error && it != end; it.increment(error)) {
      if (!path::filename(it->path()).starts_with("python"))
        continue;
      SmallString<128> packages(it->path());
      path::append(packages, "site-packages");
      addWheels(packages);
    }
  }
  return folders;
}

Expected<std::string> mlir::flashmhf::findPtxas(StringRef path) {
  if (!path.empty()) {
    llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName(path);
    if (!found || !llvm::sys::fs::can_execute(*found))
      return makeError(ErrorKind::Unavailable, "no ptxas at '" + path + "'");
    return *found;
  }
  if (llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName("ptxas"))
    return *found;
  std::vector<std::string> folders = getPtxasFolders();
  for (const std::string &folder : folders)
    if (llvm::ErrorOr<std::string> found =
            llvm::sys::findProgramByName("ptxas", StringRef(folder)))
      return *found;
  return makeError(ErrorKind::Unavailable,
                   "no ptxas in PATH, " + llvm::join(folders, ", "));
}

PtxasResult mlir::flashmhf::readPtxasLog(StringRef log) {
  PtxasResult result;
  result.log = log.str();
  // The number in front of `what`, 0 if the line has none.
  auto numberBefore = [](StringRef line, StringRef what) {
    uint64_t number = 0;
    StringRef before = line.split(what).first;
    if (before.size() != line.size())
      before.rtrim().rsplit(' ').second.getAsInteger(10, number);
    return number;
  };
  llvm::SmallVector<StringRef> lines;
  log.split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (StringRef line : lines) {
    if (line.contains("Used ") && line.contains(" registers"))
      result.registers = std::max<unsigned>(result.registers,
                                            numberBefore(line, " registers"));
    uint64_t spills = numberBefore(line, " bytes spill stores") +
                      numberBefore(line, " bytes spill loads");
    result.spillBytes += spills;
    if (spills != 0 || line.contains("(C75"))
      result.complaints.push_back(line.trim().str());
  }
  return result;
}

static llvm::Error fileError(const llvm::Twine &action, std::error_code error) {
  return makeError(ErrorKind::Unavailable,
                   "could not " + action + ": " + error.message());
}

Expected<PtxasResult> mlir::flashmhf::runPtxas(StringRef path, StringRef ptx,
                                               StringRef chip, int optLevel) {
  namespace fs = llvm::sys::fs;
  SmallString<128> folder;
  if (std::error_code error = fs::createUniqueDirectory("flashmhf", folder))
    return fileError("make a temporary folder", error);
  // What cannot be removed stays behind; that is no reason to fail.
  llvm::scope_exit cleanUp([&] {
    std::error_code ignored = fs::remove_directories(folder);
    (void)ignored;
  });
  auto inFolder = [&](StringRef name) {
    SmallString<128> file(folder);
    llvm::sys::path::append(file, name);
    return file;
  };
  SmallString<128> input = inFolder("kernel.ptx");
  SmallString<128> output = inFolder("kernel.cubin");
  SmallString<128> logFile = inFolder("log");

  std::error_code error;
  {
    llvm::raw_fd_ostream os(input, error);
    if (error)
      return fileError("write " + input, error);
    os << ptx;
    os.close();
    if (os.has_error()) {
      error = os.error();
      os.clear_error();
      return fileError("write " + input, error);
    }
  }

  std::string arch = ("-arch=" + chip).str();
  std::string level = "-O" + std::to_string(optLevel);
  StringRef arguments[] = {path,  arch, level, "-v", "--warn-on-spills",
                           input, "-o", output};
  std::optional<StringRef> redirects[] = {StringRef(), StringRef(logFile),
                                          StringRef(logFile)};
  std::string message;
  int status = llvm::sys::ExecuteAndWait(path, arguments, std::nullopt,
                                         redirects, /*SecondsToWait=*/0,
                                         /*MemoryLimit=*/0, &message);
  std::string log;
  if (auto buffer = llvm::MemoryBuffer::getFile(logFile))
    log = (*buffer)->getBuffer().str();
  if (status < 0)
    return makeError(ErrorKind::Unavailable,
                     "could not run " + path + ": " + message);
  if (status > 0)
    return makeError(ErrorKind::Compile,
                     llvm::formatv("{0} failed with status {1}:\n{2}", path,
                                   status, StringRef(log).rtrim()));

  auto cubin = llvm::MemoryBuffer::getFile(output);
  if (!cubin)
    return fileError("read " + output, cubin.getError());
  PtxasResult result = readPtxasLog(log);
  result.cubin = (*cubin)->getBuffer().str();
  return result;
}
