/** Records of other sites as answers show them, with links to their pictures. */
import { z } from '@hono/zod-openapi'
import type { PictureId } from '../../../protocol/ids.ts'
import type { VisibleRecord } from '../../core/record/discover.ts'
import { linksTo, pictureLinks } from './picture-files.ts'
import type { SitePorts } from './ports.ts'
import { recordId, siteId } from './shapes.ts'

/** A record of another site as it may be shown. */
export const visible = z.object({
  record: recordId,
  home: siteId,
  age: z.int().describe('whole years today, as far as this site may know'),
  profile: z.record(z.string(), z.unknown()),
  pictures: z.array(pictureLinks).describe('those that are here, the main one first'),
})

/** Records with links to the pictures that are here. */
export async function withPictures<Shown extends VisibleRecord>(
  site: SitePorts['site'],
  records: readonly Shown[],
): Promise<(Shown & { pictures: z.output<typeof pictureLinks>[] })[]> {
  const here = new Map<string, PictureId[]>()
  for (const [home, some] of Map.groupBy(records, (record) => record.home)) {
    const ids = some.map(({ record }) => record)
    for (const [record, pictures] of await site.pictures.of(home, ids))
      here.set(`${home} ${record}`, pictures)
  }
  return records.map((one) => ({
    ...one,
    pictures: linksTo(site, one.home, one.record, here.get(`${one.home} ${one.record}`) ?? []),
  }))
}
