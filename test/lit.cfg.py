# The lit suite: every .mlir, .test and .py test below this folder.
#
# Features:      ptxas (an assembler was found), x86-registered-target.
# Substitutions: the tools by name, %ptxas, %python (with the flashmhf package
#                on its path), %build, %src, %cmake, %shlib.
# FLASHMHF_VERIFY_ROUNDTRIP=1 adds --verify-roundtrip to every flashmhf-opt.

import os

import lit.formats

config.name = "flashmhf"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "lit.cfg.py", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.flashmhf_obj_root, "test")


def tool(directory, name):
    return os.path.join(directory, name)


def substitute(name, command):
    """Replaces `name` where it stands as a whole word of a RUN line."""
    config.substitutions.append((r"(?<![\w./-])" + name + r"(?![\w.-])", command))


opt = tool(config.flashmhf_tools_dir, "flashmhf-opt")
if os.environ.get("FLASHMHF_VERIFY_ROUNDTRIP") == "1":
    opt += " --verify-roundtrip"
substitute("flashmhf-opt", opt)
for name in ("flashmhf-compile", "flashmhf-lsp-server"):
    substitute(name, tool(config.flashmhf_tools_dir, name))
substitute("FileCheck",
           tool(config.llvm_tools_dir, "FileCheck") + " -enable-var-scope")
for name in ("mlir-opt", "mlir-translate", "not", "count", "split-file"):
    substitute(name, tool(config.llvm_tools_dir, name))

python = config.python
if config.sanitizers:
    # LLVM is not instrumented: what it adds to a container or takes from an
    # allocator of ours seems not to be there. Python does not load the runtime by
    # itself, and never frees all.
    options = "detect_container_overflow=0:allow_user_poisoning=0"
    config.environment["ASAN_OPTIONS"] = options
    config.environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
    kind = {"address": "asan", "thread": "tsan"}.get(
        config.sanitizers.split(";")[0], "ubsan_standalone")
    runtime = tool(config.sanitizer_dir,
                   f"libclang_rt.{kind}-{config.host_arch}.so")
    python = (f"env LD_PRELOAD={runtime} "
              f"ASAN_OPTIONS={options}:detect_leaks=0 {python}")
config.substitutions.append(("%python", python))
config.substitutions.append(("%src", config.flashmhf_src_root))
config.substitutions.append(("%build", config.flashmhf_obj_root))
config.substitutions.append(("%cmake", config.cmake))
config.substitutions.append(
    ("%shlib", os.path.join(config.flashmhf_lib_dir, "libflashmhf.so")))
config.substitutions.append(("%llvm-tools", config.llvm_tools_dir))
# What test/embed's configure step needs to find the same compiler.
config.substitutions.append(("%embed-args", " ".join([
    f"-DCMAKE_C_COMPILER={config.c_compiler}",
    f"-DCMAKE_CXX_COMPILER={config.cxx_compiler}",
    f"'-DCMAKE_EXE_LINKER_FLAGS={config.linker_flags}'"])))
if config.ptxas:
    config.available_features.add("ptxas")
    config.substitutions.append(("%ptxas", config.ptxas))
if config.host_arch in ("x86_64", "AMD64"):
    config.available_features.add("x86-registered-target")

config.environment["PATH"] = os.pathsep.join(
    [config.flashmhf_tools_dir, config.llvm_tools_dir,
     os.environ.get("PATH", "")])
config.environment["PYTHONPATH"] = os.path.join(config.flashmhf_src_root,
                                                "python")
config.environment["FLASHMHF_LIBRARY"] = os.path.join(config.flashmhf_lib_dir,
                                                      "libflashmhf.so")
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
