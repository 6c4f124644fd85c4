import { CHINESE_PLACES, CHINESE_RELATIONS } from './words.ts'

const SURNAMES =
  '王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤'
const GIVEN = '[\\u4e00-\\u9fff]'
/** What stands before a name: the start, a mark, or a word that takes a person. */
const BEFORE =
  '(?<=^|[\\s，。！？、：；“”"「」（）]|[和跟与给找问对叫把向帮替同是像]|关于|忘记|记住|那么?|告诉|比较|总结|删除|更新|联系|提醒|列出|认识)'
/** What stands behind one. */
const BEHIND =
  '(?=$|[\\s，。！？、：；“”"「」（）?!,.]|[的说和跟与是在住去来有最呢想要换搬讲问也对上下]|喜欢|讨厌|提|告诉|觉得|什么|生日|昨|今|明|怎么|为什么|哪|之间|工作|不)'
const NAME = new RegExp(`${BEFORE}([${SURNAMES}]${GIVEN}{1,2}?)${BEHIND}`, 'gu')
const TITLED = new RegExp(
  `(?:[${SURNAMES}]${GIVEN}{0,2}?)(?:老师|先生|女士|小姐|医生|经理|教授|律师|总监|总(?=$|[，。！？、的说和在提要])|哥|姐)`,
  'gu',
)
const FAMILIAR = new RegExp(`[小老阿]([${SURNAMES}明红丽芳强军刚华娜美芬兰玲])`, 'gu')
const RELATION = new RegExp(`(?:${[...CHINESE_RELATIONS.keys()].join('|')})`, 'g')
const PLACE = new RegExp(CHINESE_PLACES, 'g')
const QUOTED = /[「『《“]([^」』》”\n]{1,60})[」』》”]/g
const ORGANISATION =
  /(?<=[在和跟与于的给对把是关]|关于|总结|^|[，。、\s])([\u4e00-\u9fffA-Za-z0-9]{1,8}?(?:公司|大学|医院|银行|项目|计划|餐厅|酒店))/gu
/** What a pattern takes for a name and is none. */
const NO_NAME =
  /^(?:高兴|任何|方便|方法|方面|万一|白天|白色|黄色|金额|石头|马上|周末|周[一二三四五六日天]|夏天|秋天|江边|龙虾|许多|何时|何地|向来|余下|钱包|严格|程序|叶子|毛病|顾客|任务|田地|成都|这个.*|那个.*|我的.*|我们.*|新.?项目|上个.*|哪.*|什么.*|一个.*|所有.*|每个.*|哥哥|姐姐|老板)$/u

export function chineseEntities(text: string): { name: string; start: number }[] {
  if (!/\p{Script=Han}/u.test(text)) return []
  const found: { name: string; start: number }[] = []
  const collect = (pattern: RegExp, group: number) => {
    for (const match of text.matchAll(pattern)) {
      const name = match[group] ?? ''
      const start = match.index + match[0].indexOf(name)
      const isTaken = found.some((one) => start < one.start + one.name.length && one.start < start + name.length)
      if (name !== '' && !NO_NAME.test(name) && !isTaken) found.push({ name, start })
    }
  }
  collect(QUOTED, 1)
  collect(PLACE, 0)
  collect(TITLED, 0)
  collect(FAMILIAR, 0)
  collect(RELATION, 0)
  collect(NAME, 1)
  collect(ORGANISATION, 1)
  return found
}
