// `shashin serve`: the command line of the server (server.ts), which is loaded only when it is to
// run: the other commands have no use for its libraries, and begin sooner without them.

import { resolveSettings, addSettings } from '../config.ts'
import type { Command } from 'commander'

export function addServe(program: Command): void {
  const command = addSettings(program.command('serve'), 'serve')
    .description('run the server')
    .addHelpText(
      'after',
      '\nEnvironment:\n' +
        '  SHASHIN_ADMIN_TOKEN  token of the operator, who may use the routes for admins\n' +
        '  SHASHIN_ADMIN_HANDLE, SHASHIN_ADMIN_PASSWORD\n' +
        '                       the first admin, made where nobody has an account yet\n' +
        '\nSignals:\n' +
        '  SIGTERM, SIGINT      answer requests under way, seal the log, exit with status 0\n' +
        '  SIGUSR2              take a snapshot\n' +
        '  SIGHUP               look for new code and use it',
    )
  command.action(async () => {
    const settings = resolveSettings(command, 'serve', process.env)
    const { serve } = await import('./server.ts')
    await serve(settings)
  })
}
