// SPDX-License-Identifier: MIT
// fmt of Debian 12 exports this function under the name that GCC gives it, and clang gives it another.
#include <fmt/format.h>

#if FMT_VERSION < 100000
template void fmt::detail::vformat_to<char>(buffer<char>&, basic_string_view<char>,
                                            basic_format_args<FMT_BUFFER_CONTEXT(char)>, locale_ref);
#endif
