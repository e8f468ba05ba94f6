using System.Runtime.InteropServices;

// .NET looks beside the program first otherwise, where somebody else may have put a libc.so: a program in /tmp, say.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
