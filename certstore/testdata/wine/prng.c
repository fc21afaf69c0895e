/*
 * bcryptprimitives.dll with the one function that Go programs call, for versions of wine
 * that have no such library.
 */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *data, SIZE_T size)
{
	return RtlGenRandom(data, (ULONG)size);
}
