/* app/cmd_mock.h -- `weir mock`. */
#ifndef WEIR_APP_CMD_MOCK_H
#define WEIR_APP_CMD_MOCK_H

/* argv[0] is "mock".  Runs until SIGINT or SIGTERM; returns the exit status. */
int cmd_mock(int argc, char **argv);

#endif
