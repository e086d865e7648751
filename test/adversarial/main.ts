import { attacks } from './attacks.js'
import { runCommand } from './command.js'

process.exitCode = await runCommand(attacks, process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
})
