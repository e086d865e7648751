// Writes the files that are made from others: migrations/schema.sql from the migrations, openapi.json from the controllers.
// Needs the build (npm run build) and starts a PostgreSQL of its own for as long as it takes. Tests compare both files.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import pg from 'pg'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const built = (path) => import(pathToFileURL(join(root, 'dist', 'src', path)).href)

const folder = await mkdtemp(join(tmpdir(), 'cs-print-'))
const { EmbeddedPostgres } = await built('embedded/postgres.js')
const postgres = await EmbeddedPostgres.start({ folder, isDurable: false })
try {
  const url = await postgres.createDatabase('printed')
  const { runMigrations } = await built('server/database/migrate.js')
  await runMigrations(url)
  const { printSchema } = await built('server/database/print-schema.js')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await writeFile(join(root, 'migrations', 'schema.sql'), await printSchema(client))
  await client.end()
  const { printApiDocument } = await built('server/print-api-document.js')
  await writeFile(join(root, 'openapi.json'), await printApiDocument(url, join(folder, 'store')))
} finally {
  await postgres.stop()
  await rm(folder, { recursive: true })
}
process.stdout.write('migrations/schema.sql and openapi.json are written\n')
process.exit()
