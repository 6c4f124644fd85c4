import type { Intent, OutputTarget } from '../../../schemas/memory-call.ts'
import type { MemoryType } from '../../../schemas/vocabulary.ts'

const POLITE = String.raw`^\s*(?:(?:hey|hi|ok|okay|so|and|now|please|pls|kindly)[\s,]+)*(?:(?:can|could|would|will) you (?:please |kindly )?|i(?:'d| would) like (?:you )?to |i want you to |let'?s )?`
const QUESTION_MARK = /[?？]\s*$|吗[？?。]?\s*$/

const starts = (words: string): RegExp => new RegExp(`${POLITE}(?:${words})\\b`, 'i')

/** The first pattern that fits decides. `asks` patterns hold for questions as well; the others only for what is no question. */
const INTENTS: [intent: Intent, pattern: RegExp, asks: boolean][] = [
  [
    'forget',
    starts(
      'forget (?!it$|about it$|how|whether|to )|(?:delete|erase|remove|drop|wipe)(?! (?:the )?(?:duplicates from|spaces|a line|an? element))',
    ),
    true,
  ],
  ['forget', /^(?:请|麻烦|帮我)?.{0,6}(?:忘记|忘掉|删除|删掉|清除|抹去)(?!了(?:吗|没))/, true],
  ['forget', /^请?把.+(?:忘记|忘掉|删除|删掉|删了|清除)/, true],
  ['update', starts(String.raw`(?:update|correct|change|amend|replace|fix)(?! (?:\w+ )?(?:code|bug|function))`), true],
  [
    'update',
    /^\s*(?:actually|correction|wait|no)\b[,:]? .*(?:\bnot\b|\binstead\b|\bshould be\b|\bis now\b|\bit'?s\b|\bmoved\b)/i,
    false,
  ],
  [
    'update',
    /^(?:请|麻烦|帮我)?.{0,3}(?:更正|更新|修改|改一下|纠正)|^请?把.+(?:改成|改为|换成|更新为|更正为)|(?:改成|改为|换成了?|应该是)[^？?吗]+$/,
    true,
  ],
  [
    'remember',
    starts(
      String.raw`(?:remember (?!when\b|what\b|who\b|where\b|how\b|the time\b)|note(?: down)?\b|make a note|save|store|record|keep in mind|don'?t forget|jot down|add to (?:my|your) memory|remind me)`,
    ),
    false,
  ],
  ['remember', /^(?:fyi|for the record|for future reference|just so you know)\b/i, false],
  ['remember', /^(?:请|麻烦|帮我|你要)?.{0,3}(?:记住|记下|记一下|记得|保存|别忘了|记录一下|备注)/, false],
  [
    'compare',
    /\b(?:compare|comparison|differences? between|differ from|versus|vs\.?|what(?:'s| has| is)? (?:changed|different))\b|比较|对比|区别|不同之处|有什么(?:变化|不同)|相比/i,
    true,
  ],
  [
    'summarise',
    /\b(?:summari[sz]e|summary|recap|overview|digest|sum up|catch me up|tl;?dr|gist|key (?:points|takeaways))\b|总结|概括|概述|摘要|归纳|要点|回顾一下/i,
    true,
  ],
  [
    'list',
    starts(
      String.raw`(?:list|enumerate|show (?:me )?(?:all|every|a list)|give me (?:all|every|a list)|name (?:all|every|the)|what are all|which [\w' -]{2,40}s (?:have|did|do|are|were) )`,
    ),
    true,
  ],
  [
    'list',
    /\b(?:list of|all (?:the|my|of (?:my|the)) \w+|everything (?:i|you|we|about)|every \w+ (?:i|that|we|you)|how many)\b|列出|列举|列一下|有哪些|哪些|所有的?|清单|全部/i,
    true,
  ],
]

export function intentOf(prompt: string): Intent {
  const isQuestion = QUESTION_MARK.test(prompt)
  return INTENTS.find(([, pattern, asks]) => (asks || !isQuestion) && pattern.test(prompt))?.[0] ?? 'recall'
}

const TARGETS: [target: OutputTarget, pattern: RegExp][] = [
  [
    'table',
    /\b(?:(?:as|in|into) a table|table (?:of|with|comparing)|tabulate|spreadsheet|tabular)\b|表格|做成表|列表格|列个表/i,
  ],
  [
    'draft',
    /\b(?:draft|compose|write|reply to|prepare)\b.{0,40}\b(?:e-?mail|letter|message|note to|post|reply|announcement|speech|invitation|bio|report|card|proposal|toast|article|memo)\b|^\s*(?:please )?draft\b|起草|草拟|(?:写|拟)(?:一?[封份篇条个]|个)?.{0,12}(?:邮件|信|报告|文章|通知|消息|贺卡|演讲稿|邀请函)/i,
  ],
  [
    'context',
    /\b(?:context (?:for|on|about)|background (?:on|for|about|information)|brief me|what should i know|bring me up to speed|get me up to speed|prep(?:are)? me for)\b|背景(?:资料|信息)?|上下文|应该知道什么|需要了解/i,
  ],
  [
    'summary',
    /\b(?:summari[sz]e|summary|recap|overview|digest|sum up|catch me up|tl;?dr|gist|key (?:points|takeaways))\b|总结|概括|概述|摘要|归纳|要点|回顾一下/i,
  ],
  [
    'list',
    /\b(?:bullet(?:ed)?(?: points?| list)?|as a list|checklist|list of)\b|列表|清单|列出|列举|列一下|有哪些|哪些/i,
  ],
]

export function targetOf(prompt: string, intent: Intent): OutputTarget {
  const found = TARGETS.find(([, pattern]) => pattern.test(prompt))?.[0]
  if (intent === 'remember' || intent === 'update' || intent === 'forget') return 'answer'
  if (found !== undefined) return found
  return intent === 'list' && !/\bhow many\b|多少/i.test(prompt) ? 'list' : 'answer'
}

const MEMORY_TYPES: [type: MemoryType, pattern: RegExp][] = [
  [
    'activation',
    /\bkv[- ]?cache\b|\bactivations?\b(?! (?:code|key|link|e-?mail))|\bsteering vectors?\b|\bhidden states?\b|\battention states?\b|KV缓存|激活(?:记忆|状态)|隐藏状态|注意力缓存/i,
  ],
  [
    'parametric',
    /\blora\b|\badapters?\b(?= (?:weights|for|trained|of))|\bfine-?tuned\b|\bparametric\b|\bmodel weights\b|\bdistilled\b|微调|参数(?:化)?记忆|模型权重|蒸馏/i,
  ],
  [
    'plaintext',
    /\b(?:my|our|the|meeting|these|those|all|class|lecture|written|any|your) (?:\w+ )?(?:notes|transcripts?|documents?|docs|journal|diary|minutes|write-?ups?)\b|\bplain ?text\b|\bchat (?:log|history)\b|笔记|会议记录|聊天记录|文档|日记|纪要|明文/i,
  ],
]

/** The memory type that a prompt asks for by name; null: any. */
export const memoryTypeOf = (prompt: string): MemoryType | null =>
  MEMORY_TYPES.find(([, pattern]) => pattern.test(prompt))?.[0] ?? null

const SEMANTIC_TYPES: [type: string, pattern: RegExp][] = [
  [
    'task_prompt',
    /\b(?:to-?dos?|tasks?|action items?|deadlines?|assignments?|remind(?:er|ers)?)\b|待办|任务|截止日期|提醒/i,
  ],
  [
    'user_preference',
    /\b(?:prefer(?:s|red|ence|ences)?|favou?rites?|likes?|loves?|hates?|dislikes?|enjoys?|taste in|allergic|allerg(?:y|ies))\b|喜欢|偏好|最爱|爱吃|爱喝|讨厌|口味|过敏/i,
  ],
  [
    'event',
    /\b(?:meetings?|appointments?|trips?|birthday|part(?:y|ies)|wedding|visit(?:ed)?|happened|attend(?:ed)?|concert|conference|vacation|holiday|interview|flight|travell?ed|went|did i do|dinner)\b|会议|开会|旅行|旅游|生日|聚会|婚礼|约会|面试|航班|发生|参加|去过|去了/i,
  ],
  [
    'domain_knowledge',
    /\b(?:documentation|definition|protocol|api|architecture|procedure|policy|manual|specification|how does .+ work)\b|文献|协议|架构|流程|规范|手册|原理/i,
  ],
  [
    'fact',
    /\b(?:address|phone|number|e-?mail address|name|job|lives?|works?|age|password|wifi|birthplace|moved)\b|地址|电话|号码|邮箱|名字|工作|住在|年龄|密码|职业|搬/i,
  ],
]

/** What kind of statement answers a prompt; null where it does not tell. */
export const semanticTypeOf = (prompt: string): string | null =>
  SEMANTIC_TYPES.find(([, pattern]) => pattern.test(prompt))?.[0] ?? null
