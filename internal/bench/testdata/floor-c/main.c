/* A minimal program that sends commands to a card. Its arguments are the reader and the
   commands in hexadecimal. It prints the number of bytes received. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winscard.h>

static void check(const char *call, LONG code)
{
	if (code != SCARD_S_SUCCESS) {
		fprintf(stderr, "%s: %08lX\n", call, (unsigned long)code);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	SCARDCONTEXT context;
	SCARDHANDLE card;
	DWORD protocol, size = 0, total = 0;
	char *readers;
	static BYTE command[65544], response[65544];

	if (argc < 2)
		return 2;
	check("SCardEstablishContext", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context));
	check("SCardListReaders", SCardListReaders(context, NULL, NULL, &size));
	readers = malloc(size);
	check("SCardListReaders", SCardListReaders(context, NULL, readers, &size));
	check("SCardConnect", SCardConnect(context, argv[1], SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol));
	check("SCardBeginTransaction", SCardBeginTransaction(card));
	for (int i = 2; i < argc; i++) {
		DWORD n = strlen(argv[i]) / 2, received = sizeof response;
		for (DWORD j = 0; j < n; j++)
			sscanf(argv[i] + 2 * j, "%2hhx", &command[j]);
		check("SCardTransmit", SCardTransmit(card, protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1, command, n, NULL, response, &received));
		total += received;
	}
	check("SCardEndTransaction", SCardEndTransaction(card, SCARD_LEAVE_CARD));
	check("SCardDisconnect", SCardDisconnect(card, SCARD_UNPOWER_CARD));
	check("SCardReleaseContext", SCardReleaseContext(context));
	printf("%lu bytes\n", (unsigned long)total);
	return 0;
}
