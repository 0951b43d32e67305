# SPDX-License-Identifier: MIT
"""For each check a few lines that it complains of, in a namespace of their own unless they must be outside of one.

`%` stands for a name that nobody else has. What stands before a line `---` comes before the namespace.
"""

ENCLOSED = {
    "bugprone-assert-side-effect": "#include <cassert>\n---\nvoid f(int i) { assert(i++); }",
    "bugprone-assignment-in-if-condition": "void g(); void f(int a, int b) { if ((a = b)) g(); }",
    "bugprone-branch-clone": "int f(bool b, int c) { if (b) { return c + 1; } else { return c + 1; } }",
    "bugprone-casting-through-void": "double* f(int* p) { return static_cast<double*>(static_cast<void*>(p)); }",
    "bugprone-chained-comparison": "bool f(int a, int b, int c) { return a < b < c; }",
    "bugprone-copy-constructor-init":
        "struct A { A(); A(const A&); int x; }; struct B : A { B(const B& b) { x = b.x; } };",
    "bugprone-crtp-constructor-accessibility": "template <typename T> struct A { A() = default; }; struct B : A<B> {};",
    "bugprone-dangling-handle":
        "#include <string>\n---\nstd::string_view f() { std::string_view v = std::string(\"x\"); return v; }",
    "bugprone-empty-catch": "void g(); void f() { try { g(); } catch (...) { } }",
    "bugprone-fold-init-type": "#include <numeric>\n#include <vector>\n---\n"
        "double f(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0); }",
    "bugprone-forwarding-reference-overload": "struct P { template <typename T> explicit P(T&& n) { (void)n; } };",
    "bugprone-inc-dec-in-conditions": "bool f(int i) { return i++ > 0 && i < 9; }",
    "bugprone-incorrect-roundings": "int f(double d) { return static_cast<int>(d + 0.5); }",
    "bugprone-infinite-loop": "void g(); void f() { int i = 0; while (i < 10) { g(); } }",
    "bugprone-integer-division": "double f(int a) { return a / 2; }",
    "bugprone-macro-parentheses": "#define MUCH%(x) (x * 2)\n---\n",
    "bugprone-macro-repeated-side-effects": "#define BOTH%(x) ((x) + (x))\n---\nint f(int i) { return BOTH%(i++); }",
    "bugprone-misplaced-widening-cast": "long f(int a) { return static_cast<long>(a * 2); }",
    "bugprone-move-forwarding-reference": "#include <utility>\n---\n"
                                          "template <typename T> void f(T&& t) { g(std::move(t)); }",
    "bugprone-multiple-statement-macro": "#define PAIR% g(); g()\n---\nvoid g(); void f(bool b) { if (b) PAIR%; }",
    "bugprone-non-zero-enum-to-bool-conversion":
        "enum class E { one = 1, two }; bool f(E e) { return static_cast<bool>(e); }",
    "bugprone-parent-virtual-call": "struct A { virtual int f(); }; struct B : A { int f() override; };\n"
                                    "struct C : B { int f() override { return A::f(); } };",
    "bugprone-posix-return": "#include <fcntl.h>\n---\nbool f() { return posix_fadvise(0, 0, 0, 0) < 0; }",
    "bugprone-redundant-branch-condition": "void g(); void f(bool b) { if (b) { if (b) { g(); } } }",
    "bugprone-reserved-identifier": "int f__g();",
    "bugprone-return-const-ref-from-parameter": "const int& f(const int& a) { return a; }",
    "bugprone-signed-char-misuse": "int f(signed char c) { int i = c; return i; }",
    "bugprone-sizeof-container": "#include <string>\n---\nunsigned long f(const std::string& s) { return sizeof(s); }",
    "bugprone-sizeof-expression": "unsigned long f() { return sizeof(sizeof(int)); }",
    "bugprone-standalone-empty": "#include <vector>\n---\nvoid f(std::vector<int>& v) { v.empty(); }",
    "bugprone-string-constructor": "#include <string>\n---\nstd::string f() { return std::string('x', 50); }",
    "bugprone-string-integer-assignment": "#include <string>\n---\nvoid f(std::string& s, int i) { s = i; }",
    "bugprone-suspicious-memset-usage": "#include <cstring>\n---\nvoid f(int* p) { std::memset(p, '0', 5); }",
    "bugprone-suspicious-semicolon": "void g(); void f(bool b) {\n  if (b);\n  g();\n}",
    "bugprone-suspicious-string-compare": "#include <cstring>\n---\n"
                                          "void g(); void f(const char* a) { if (std::strcmp(a, \"b\")) g(); }",
    "bugprone-swapped-arguments": "void g(int a, float b); void f(float a, int b) { g(a, b); }",
    "bugprone-switch-missing-default-case": "void f(int i) { switch (i) { case 0: break; } }",
    "bugprone-terminating-continue": "void g(); void f() { do { g(); continue; } while (false); }",
    "bugprone-throw-keyword-missing": "#include <stdexcept>\n---\nvoid f() { std::runtime_error(\"x\"); }",
    "bugprone-too-small-loop-variable": "void g(); void f(long n) { for (short i = 0; i < n; ++i) g(); }",
    "bugprone-undefined-memory-manipulation": "#include <cstring>\n---\n"
                                              "struct N { N(); virtual ~N(); }; void f(N* n) { std::memset(n, 0, 8); }",
    "bugprone-undelegated-constructor": "struct U { U(); explicit U(int) { U(); } };",
    "bugprone-unhandled-self-assignment":
        "struct S { int* p; S& operator=(const S& s) { delete p; p = new int(*s.p); return *this; } };",
    "bugprone-unsafe-functions": "#include <cstdio>\n---\nvoid f(std::FILE* file) { std::rewind(file); }",
    "bugprone-unused-raii": "struct R { R(int); ~R(); }; void f() { R(42); R(43); }",
    "bugprone-unused-return-value": "#include <memory>\n---\nvoid f(std::unique_ptr<int>& p) { p.release(); }",
    "bugprone-use-after-move": "#include <string>\n---\n"
                               "std::string f(std::string s) { std::string t = std::move(s); return s + t; }",
    "bugprone-virtual-near-miss": "struct A { virtual void func(); }; struct B : A { virtual void funk(); };",
    "concurrency-thread-canceltype-asynchronous": "#include <pthread.h>\n---\n"
        "void f() { pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr); }",
    "cppcoreguidelines-avoid-goto": "void f(int i) { if (i > 0) goto end; i = 1;\nend: return; }",
    "cppcoreguidelines-init-variables": "int f() { int i; i = 1; return i; }",
    "cppcoreguidelines-macro-usage": "#define FOUR% 4\n---\n",
    "cppcoreguidelines-missing-std-forward": "template <typename T> void f(T&& t) { (void)t; }",
    "cppcoreguidelines-misleading-capture-default-by-value":
        "struct A { int a_; auto f() { return [=] { return a_; }; } };",
    "cppcoreguidelines-no-malloc": "#include <cstdlib>\n---\nvoid* f() { return std::malloc(1); }",
    "cppcoreguidelines-prefer-member-initializer": "class A { public: A() { a_ = 1; } private: int a_; };",
    "cppcoreguidelines-pro-type-cstyle-cast": "int* f(void* p) { return (int*)p; }",
    "cppcoreguidelines-rvalue-reference-param-not-moved": "#include <string>\n---\n"
                                                          "unsigned long f(std::string&& s) { return s.size(); }",
    "cppcoreguidelines-slicing":
        "struct A { int a; }; struct B : A { int b; }; void g(A); void f(const B& b) { g(b); }",
    "cppcoreguidelines-virtual-class-destructor": "struct A { virtual void f(); };",
    "misc-misplaced-const": "using P = int*; void f(const P p) { *p = 1; }",
    "misc-redundant-expression": "bool f(int a) { return a == a; }",
    "misc-static-assert": "#include <cassert>\n---\nvoid f() { assert(sizeof(int) == 4); }",
    "misc-throw-by-value-catch-by-reference":
        "struct E { E(const E& e); int x; }; void g(); void f() { try { g(); } catch (E e) { g(); } }",
    "misc-unconventional-assign-operator": "struct A { void operator=(const A&); };",
    "misc-uniqueptr-reset-release": "#include <memory>\n---\n"
        "void f(std::unique_ptr<int>& a, std::unique_ptr<int>& b) { a.reset(b.release()); }",
    "misc-unused-parameters": "int f(int used, int other) { return used; }",
    "modernize-avoid-bind": "#include <functional>\n---\nint g(int); int f() { auto b = std::bind(g, 1); return b(); }",
    "modernize-concat-nested-namespaces": "namespace a { namespace b { int f(); } }",
    "modernize-loop-convert": "#include <vector>\n---\nvoid g(int); void f(const std::vector<int>& v) {"
                              " for (auto i = v.begin(); i != v.end(); ++i) g(*i); }",
    "modernize-make-shared": "#include <memory>\n---\nauto f() { return std::shared_ptr<int>(new int(1)); }",
    "modernize-make-unique": "#include <memory>\n---\nauto f() { return std::unique_ptr<int>(new int(1)); }",
    "modernize-redundant-void-arg": "int f(void);",
    "modernize-type-traits":
        "#include <type_traits>\n---\ntemplate <typename T> bool f() { return std::is_same<T, int>::value; }",
    "modernize-use-bool-literals": "bool f() { return 1; }",
    "modernize-use-default-member-init": "class A { public: A() : a_(1) {} private: int a_; };",
    "modernize-use-equals-default": "struct A { A() {} };",
    "modernize-use-equals-delete": "class A { private: A(const A&); A& operator=(const A&); };",
    "modernize-use-noexcept": "void f() throw();",
    "modernize-use-nullptr": "int* f() { return 0; }",
    "modernize-use-override":
        "struct A { virtual ~A() = default; virtual void f(); }; struct B : A { virtual void f(); };",
    "modernize-use-starts-ends-with":
        "#include <string>\n---\nbool f(const std::string& s) { return s.find(\"x\") == 0; }",
    "modernize-use-using": "typedef int Number;",
    "performance-avoid-endl": "#include <ostream>\n---\nvoid f(std::ostream& o) { o << std::endl; }",
    "performance-faster-string-find": "#include <string>\n---\nauto f(const std::string& s) { return s.find(\"x\"); }",
    "performance-for-range-copy": "#include <string>\n#include <vector>\n---\nvoid g(const std::string&);"
                                  " void f(const std::vector<std::string>& v) { for (const auto s : v) g(s); }",
    "performance-inefficient-string-concatenation": "#include <string>\n---\nvoid f(std::string& s) {"
                                                    " for (int i = 0; i < 9; ++i) s = s + \"x\"; }",
    "performance-move-const-arg": "#include <utility>\n---\nint f(int i) { return std::move(i); }",
    "performance-no-int-to-ptr": "int* f(long i) { return reinterpret_cast<int*>(i); }",
    "performance-noexcept-move-constructor": "struct A { A(A&& a); };",
    "performance-unnecessary-copy-initialization":
        "#include <string>\n---\nconst std::string& g(); void h(const std::string&);"
                                                   " void f() { const std::string s = g(); h(s); }",
    "performance-unnecessary-value-param":
        "#include <string>\n---\nunsigned long f(const std::string s) { return s.size(); }",
    "readability-avoid-const-params-in-decls": "void f(const int i);",
    "readability-const-return-type": "const int f() { return 1; }",
    "readability-container-contains": "#include <set>\n---\nbool f(const std::set<int>& s) { return s.count(1) > 0; }",
    "readability-container-size-empty":
        "#include <string>\n---\nbool f(const std::string& s) { return s.size() == 0; }",
    "readability-delete-null-pointer": "void f(int* p) { if (p != nullptr) delete p; }",
    "readability-else-after-return": "int f(int i) { if (i > 0) { return 1; } else { i += 2; } return i; }",
    "readability-function-cognitive-complexity":
        "int f(int i) { " + "if (i > 0) { " * 9 + "++i;" + " }" * 9 + " return i; }",
    "readability-function-size": "int f(int i) {\n" + "  i += i;\n" * 70 + "  return i; }",
    "readability-identifier-naming": "struct lower_case {}; int CamelCase(); const int not_k = 1;",
    "readability-inconsistent-declaration-parameter-name": "void f(int a); void f(int b) { (void)b; }",
    "readability-make-member-function-const": "class A { public: int f() { return a_; } private: int a_ = 1; };",
    "readability-misleading-indentation": "void g(); void f(bool b) {\n  if (b)\n    g();\n    g();\n}",
    "readability-misplaced-array-index": "int f(int* p) { return 1[p]; }",
    "readability-non-const-parameter": "int f(int* p) { return *p; }",
    "readability-redundant-casting": "int f(int i) { return static_cast<int>(i); }",
    "readability-redundant-control-flow": "void g(); void f() { g(); return; }",
    "readability-redundant-declaration": "extern int x%; extern int x%;",
    "readability-redundant-function-ptr-dereference": "void f(void (*p)()) { (**p)(); }",
    "readability-redundant-inline-specifier": "struct A { inline int f() { return 1; } };",
    "readability-redundant-preprocessor": "#ifndef SOME%\n#ifndef SOME%\n#endif\n#endif\n---\n",
    "readability-redundant-smartptr-get": "#include <memory>\n---\nint f(std::unique_ptr<int>& p) { return *p.get(); }",
    "readability-redundant-string-cstr":
        "#include <string>\n---\nvoid g(const std::string&); void f(const std::string& s) { g(s.c_str()); }",
    "readability-redundant-string-init": "#include <string>\n---\nstd::string f() { std::string s = \"\"; return s; }",
    "readability-simplify-boolean-expr": "bool f(bool b) { return b == true; }",
    "readability-static-accessed-through-instance": "struct A { static int f(); }; int g(A a) { return a.f(); }",
    "readability-string-compare":
        "#include <string>\n---\nbool f(const std::string& s) { return s.compare(\"x\") == 0; }",
    "readability-use-anyofallof": "#include <vector>\n---\nbool f(const std::vector<int>& v) {"
                                  " for (int i : v) { if (i > 1) return true; } return false; }",
    "clang-diagnostic-unused-function": "namespace { void f%() {} }",
    "clang-diagnostic-unused-const-variable": "namespace { const int kN% = 1; }",
    "clang-diagnostic-unused-variable": "namespace { int n% = 1; }",
    "clang-diagnostic-unneeded-internal-declaration": "namespace { int f%() { return 1; } } using T = decltype(f%());",
    "clang-diagnostic-shadow": "int f(int i) { if (i > 0) { int i = 2; return i; } return i; }",
    "clang-diagnostic-implicit-int-conversion": "short f(int i) { return i; }",
}

# These need a file of their own around them, or another source that could hide them: files by name.
WHOLE = {
    "bugprone-argument-comment": {
        "a_count_of_another.cpp": "void counted(int count);\nvoid counted(int) {}\n",
        "count.cpp": "void counted(int count);\nvoid count() { counted(/*size=*/1); }\n"},
    "bugprone-forward-declaration-namespace": {
        "ways.cpp": "namespace ways { struct Parcel; }\nnamespace paths { struct Parcel {}; }\n",
        "ways_of_another.cpp": "namespace ways { struct Parcel {}; }\n",
        "ways_of_c.cpp": "#include <poll.h>\n\nnamespace waits { struct pollfd; }\n"},
    "bugprone-suspicious-include": {"taken_in.cpp": "#include \"part_of_another.cpp\"\n",
        "part_of_another.cpp": "// Nothing.\n"},
    "cppcoreguidelines-interfaces-global-init": {
        "global.cpp": "extern int first_of_all;\nint second_of_all = first_of_all;\n",
        "a_global_of_another.cpp": "int first_of_all = 1;\n"},
    "misc-definitions-in-headers": {"defines.h": "#pragma once\nint defined() { return 1; }\n",
                                    "defines.cpp": "#include \"defines.h\"\n"},
    "misc-header-include-cycle": {"round.h": "#pragma once\n#include \"trip.h\"\n",
        "trip.h": "#pragma once\n#include \"round.h\"\n",
                                  "round.cpp": "#include \"round.h\"\n"},
    "misc-new-delete-overloads": {"new.cpp": "void* operator new(unsigned long size) noexcept(false);\n"
        "void* operator new(unsigned long size) { return reinterpret_cast<void*>(size); }\n",
                                  "new_of_another.cpp": "void operator delete(void*) noexcept {}\n"},
    "misc-unused-alias-decls": {"alias.cpp": "namespace some { int f(); }\nnamespace other = some;\n",
                                "alias_of_another.cpp":
        "namespace some { int f(); }\nnamespace other = some;\nint x = other::f();\n"},
    "misc-unused-using-decls": {"using.cpp": "#include <memory>\nusing std::shared_ptr;\n",
                                "using_of_another.cpp": "#include <memory>\nusing std::shared_ptr;\n"
                                                        "shared_ptr<int> p;\n"},
    "readability-suspicious-call-argument": {
        "a_path_of_another.cpp": "void walk(int source, int target);\nvoid walk(int, int) {}\n",
        "path.cpp":
        "void walk(int source, int target);\nvoid path(int source, int target) { walk(target, source); }\n"},
    "readability-duplicate-include": {"twice.cpp": "#include <string>\n#include <string>\n"},
    "readability-redundant-declaration": {"again.cpp": "extern int again;\nextern int again;\n",
                                          "again_of_another.cpp": "extern int again;\n"},
}

# Looked at without a violation here: each judges one expression, statement or macro by itself.
LOCAL = {
    "bugprone-signal-handler",  # off in C++17 and later
    "bugprone-bad-signal-to-kill-thread",
    "bugprone-bool-pointer-implicit-conversion",
    "bugprone-compare-pointer-to-member-virtual-function",
    "bugprone-dynamic-static-initializers",
    "bugprone-inaccurate-erase",
    "bugprone-incorrect-enable-if",
    "bugprone-lambda-function-name",
    "bugprone-misplaced-operator-in-strlen-in-alloc",
    "bugprone-misplaced-pointer-arithmetic-in-alloc",
    "bugprone-multi-level-implicit-pointer-conversion",
    "bugprone-multiple-new-in-one-expression",
    "bugprone-no-escape",
    "bugprone-not-null-terminated-result",
    "bugprone-optional-value-conversion",
    "bugprone-pointer-arithmetic-on-polymorphic-object",
    "bugprone-shared-ptr-array-mismatch",
    "bugprone-spuriously-wake-up-functions",
    "bugprone-string-literal-with-embedded-nul",
    "bugprone-stringview-nullptr",
    "bugprone-suspicious-enum-usage",
    "bugprone-suspicious-memory-comparison",
    "bugprone-suspicious-missing-comma",
    "bugprone-suspicious-realloc-usage",
    "bugprone-suspicious-stringview-data-usage",
    "bugprone-unhandled-exception-at-new",
    "bugprone-unique-ptr-array-mismatch",
    "bugprone-unused-local-non-trivial-variable",
    "performance-implicit-conversion-in-loop",
    "performance-inefficient-algorithm",
    "performance-move-constructor-init",
    "performance-no-automatic-move",
    "performance-noexcept-destructor",
    "performance-noexcept-swap",
    "performance-trivially-destructible",
    "performance-type-promotion-in-math-fn",
}
