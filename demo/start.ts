import { join } from 'node:path'
import { ProcessSupervisor } from '../src/embedded/process-supervisor.js'
import { readArguments } from './arguments.js'
import { describeFailure } from './failure.js'
import { Folders } from './folders.js'
import { install } from './installation.js'
import { readPort } from './port-option.js'
import { product } from './product.js'
import { programs } from './programs.js'
import { Story } from './story.js'

const HELP = `npm start -- [options]

Keeps the whole system up on this machine until Ctrl-C or until a part of it fails, and prints addresses and where the first credentials are.

  --port N            port of the server on 127.0.0.1 (default, and 0: any free one)
  --ddi               the policy lets SWUpdate, RAUC and Zephyr join class gateway-b, with bundles whose signature the server has verified
  --without-sandbox   only where none can be made
  --help              this text

Example: npm start -- --port 8080`

async function main(): Promise<void> {
  const { values } = readArguments({
    options: {
      port: { type: 'string' },
      ddi: { type: 'boolean' },
      'without-sandbox': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  if (values.help === true) {
    process.stdout.write(`${HELP}\n`)
    return
  }
  const port = readPort(values.port)
  const story = new Story()
  const folders = Folders.temporary()
  supervisor.own({ stop: async () => folders.remove() })
  story.chapter('Starting')
  const withSandbox = values['without-sandbox'] !== true
  const { url, broker, people } = await install({
    folders,
    supervisor,
    story,
    withSandbox,
    withDdi: values.ddi === true,
    ...port,
  })
  const everybody = [people.engineer, ...people.managers, ...people.security, people.fleet]
  const rows = everybody.map((person) => `  ${person.name.padEnd(12)} COUNTERSIGN_HOME=${person.home}`)
  process.stdout.write(`
The system is up; Ctrl-C ends it and removes everything it made.

  server       ${url}
  API          ${url}/api/docs
  broker       ${broker.deviceUrl} (devices)
  namespace    ${product.namespace}
  root 1       ${folders.path('root-1.cbor')}

Everybody's login, key (key.json) and passphrase are in their own folder:
${rows.join('\n')}

Try:  COUNTERSIGN_HOME=${people.engineer.home} node ${join(programs.project, 'dist/src/cli/main.js')} firmware list
`)
  throw await supervisor.lostOne()
}

const supervisor = new ProcessSupervisor()
supervisor.stopOnExit((error) => process.stderr.write(`\n${describeFailure(error)}\n`))
main().catch(async (error: unknown) => {
  process.stderr.write(`\n${describeFailure(error)}\n`)
  await supervisor.stopAll().catch(() => undefined)
  process.exit(1)
})
