// SPDX-License-Identifier: MIT
// Loaded into clang-tidy by scripts/tidy: has the checks look at what stands in our own sources and headers, and not at
// each declaration of the libraries' headers as well, of which clang-tidy says nothing anyway. Reading those
// headers takes a third of the time, matching them against every check two. clangd narrows clang-tidy down in the same
// way. Types are known as before: only where the checks begin to look is less.
#include <clang/AST/ASTConsumer.h>
#include <clang/AST/ASTContext.h>
#include <clang/Basic/SourceManager.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/FrontendPluginRegistry.h>

#include <memory>
#include <string>
#include <vector>

namespace {

class OursOnly : public clang::ASTConsumer {
 public:
  void HandleTranslationUnit(clang::ASTContext& context) override {
    std::vector<clang::Decl*> ours;
    for (clang::Decl* declaration : context.getTranslationUnitDecl()->decls()) {
      // A type of C's that is declared in our namespace by mistake shows beside its own declaration.
      const bool is_type = llvm::isa<clang::RecordDecl>(declaration);
      const bool is_ours = !context.getSourceManager().isInSystemHeader(declaration->getLocation());
      if (is_ours || is_type) ours.push_back(declaration);
    }
    context.setTraversalScope(ours);
  }
};

class Narrow : public clang::PluginASTAction {
 protected:
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance&, llvm::StringRef) override {
    return std::make_unique<OursOnly>();
  }
  bool ParseArgs(const clang::CompilerInstance&, const std::vector<std::string>&) override { return true; }
  // Before clang-tidy, and without being asked for.
  ActionType getActionType() override { return AddBeforeMainAction; }
};

const clang::FrontendPluginRegistry::Add<Narrow> kAdded("adit-scope", "what stands in our own files");

}  // namespace
