/** `dpn member picture`: add, list, arrange and remove the pictures of a member. */
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { table, UsageError, type Outcome } from './outcome.ts'

interface Links {
  picture: string
  small: string
  large: string
}
interface Pictures {
  picture?: string
  record: string
  main: Links | null
  gallery: Links[]
}

const pathOf = (id: string): string => `/v1/members/${encodeURIComponent(id)}/pictures`

function read(file: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(readFileSync(file))
  } catch (error) {
    throw new UsageError(`${file}: expected a file that can be read`, { cause: error })
  }
}

function shown(client: Client, json: Pictures, first: readonly string[] = []): Outcome {
  const rows = [
    ...(json.main === null ? [] : [['main', json.main] as const]),
    ...json.gallery.map((links) => ['gallery', links] as const),
  ].map(([place, { picture, large }]) => [place, picture, `${client.url}${large}`])
  const lines =
    rows.length === 0 ? ['No pictures.'] : table([['PLACE', 'PICTURE', 'LINK'], ...rows])
  return { json: { ...json }, lines: [...first, ...lines] }
}

async function add(client: Client, id: string, file: string, place?: string): Promise<Outcome> {
  const query = place === undefined ? '' : `?${new URLSearchParams({ place }).toString()}`
  const json = await client.upload<Pictures>(`${pathOf(id)}${query}`, read(file))
  return shown(client, json, [`Picture ${json.picture ?? ''}`])
}

/** Adds the commands below `member`. */
export function addPicture(member: Command, shell: Shell): void {
  const picture = member.command('picture').description('pictures of a member')
  withExamples(
    withApi(picture.command('add <id> <file>'))
      .description('add a JPEG, PNG, WebP or AVIF picture; the same again changes nothing')
      .option('--place <place>', 'main or gallery; main where there is none yet'),
    'dpn member picture add 42 lotte.jpg',
    'dpn member picture add 42 beach.png --place gallery',
  ).action((id: string, file: string, options: ApiOptions & { place?: string }) =>
    performWith(shell, options, (client) => add(client, id, file, options.place)),
  )
  withExamples(
    withApi(picture.command('list <id>')).description('pictures with links that hold 5 minutes'),
    'dpn member picture list 42',
  ).action((id: string, options: ApiOptions) =>
    performWith(shell, options, async (client) =>
      shown(client, await client.get<Pictures>(pathOf(id))),
    ),
  )
  withExamples(
    withApi(picture.command('arrange <id> <pictures...>'))
      .description('the main picture, then the gallery; what is not named is erased everywhere')
      .option('--no-main', 'all of them are the gallery'),
    'dpn member picture arrange 42 55985f10… b4d3c36b…',
  ).action((id: string, pictures: string[], options: ApiOptions & { main: boolean }) =>
    performWith(shell, options, async (client) => {
      const [first = '', ...others] = pictures
      const body = options.main
        ? { main: first, gallery: others }
        : { main: null, gallery: pictures }
      return shown(client, await client.send<Pictures>('PUT', pathOf(id), body))
    }),
  )
  withExamples(
    withApi(picture.command('remove <id> <picture>')).description('erase a picture everywhere'),
    'dpn member picture remove 42 55985f10…',
  ).action((id: string, one: string, options: ApiOptions) =>
    performWith(shell, options, async (client) =>
      shown(
        client,
        await client.send<Pictures>('DELETE', `${pathOf(id)}/${encodeURIComponent(one)}`),
      ),
    ),
  )
}
