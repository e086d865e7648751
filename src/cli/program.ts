import { Command } from 'commander'
import { addApprovalsCommands } from './commands/approvals.command.js'
import { addAuditCommands } from './commands/audit.command.js'
import { addCeremonyCommands } from './commands/ceremony.command.js'
import { addDeviceCommands } from './commands/device.command.js'
import { addEmbeddedKeyCommands } from './commands/embedded-key.command.js'
import { addEventCommands } from './commands/event.command.js'
import { addFirmwareCommands } from './commands/firmware.command.js'
import { addGroupCommands } from './commands/group.command.js'
import { addJournalCommands } from './commands/journal.command.js'
import { addKeyCommands } from './commands/key.command.js'
import { addKeysCommands } from './commands/keys.command.js'
import { addLoginCommands } from './commands/login.command.js'
import { addPersonCommands } from './commands/person.command.js'
import { addNamespaceCommands } from './commands/namespace.command.js'
import { addReleaseCommands } from './commands/release.command.js'
import { addRolloutCommands } from './commands/rollout.command.js'
import { addSignerCommands } from './commands/signer.command.js'
import { addSuitCommands } from './commands/suit.command.js'
import { addTokenCommands } from './commands/token.command.js'
import { addTrustCommands } from './commands/trust.command.js'
import { addWebhookCommands } from './commands/webhook.command.js'
import type { World } from './session.js'
import { readVersion } from './version.js'

/** The whole command line, over one world. */
export function buildProgram(world: World): Command {
  const program = new Command('countersign')
    .description('Nothing runs on a device that people did not countersign.')
    .version(readVersion(), '--version', 'which version of this program it is')
    // --version after a command is the version of a firmware.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.terminal.line(text.trimEnd()),
      writeErr: (text) => world.terminal.note(text.trimEnd()),
    })
    .addHelpText('after', '\nExample:\n  $ countersign login --server https://updates.example --namespace gateway/prod')
  addLoginCommands(program, world)
  addTrustCommands(program, world)
  addKeyCommands(program, world)
  addNamespaceCommands(program, world)
  addFirmwareCommands(program, world)
  addEmbeddedKeyCommands(program, world)
  addApprovalsCommands(program, world)
  addReleaseCommands(program, world)
  addRolloutCommands(program, world)
  addKeysCommands(program, world)
  addPersonCommands(program, world)
  addCeremonyCommands(program, world)
  addSignerCommands(program, world)
  addDeviceCommands(program, world)
  addGroupCommands(program, world)
  addTokenCommands(program, world)
  addAuditCommands(program, world)
  addEventCommands(program, world)
  addWebhookCommands(program, world)
  addJournalCommands(program, world)
  addSuitCommands(program, world)
  return program
}
