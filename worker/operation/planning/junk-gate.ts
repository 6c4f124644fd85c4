import type { Message } from '../../../schemas/memories.ts'
import type { OperationReason } from '../../../schemas/reading.ts'

type Role = Message['role']

const whole = (words: string): RegExp => new RegExp(`^[\\s\\p{P}\\p{S}]*(?:${words})[\\s\\p{P}\\p{S}]*$`, 'iu')

/** Reasons to leave a sentence out, the first that fits. They name what the sentence is, so that a caller can see and contest it. */
const GATES: [reason: OperationReason, pattern: RegExp][] = [
  [
    'greeting',
    whole(
      '(?:hi|hello|hey|yo|howdy|greetings|dear)(?:[ ,]+[\\p{L}]+){0,3}|good (?:morning|afternoon|evening|night|day)(?:[ ,]+\\p{L}+){0,2}|how are you(?: doing)?(?: today)?|how is it going|nice to (?:meet|see) you(?: too)?|(?:good)?bye(?:[ ,]+\\p{L}+)?|see you(?: later| soon| tomorrow)?|have a (?:nice|good|great) (?:day|evening|weekend|one)|你好|您好|嗨|哈喽|大家好|早上好|下午好|晚上好|早安|晚安|再见|拜拜|你好吗|很高兴(?:认识|见到)你',
    ),
  ],
  [
    'acknowledgement',
    whole(
      "(?:ok|okay|k|sure|yes|yeah|yep|yup|no|nope|right|exactly|correct|cool|great|nice|awesome|perfect|wonderful|fine|alright|absolutely|of course|no problem|no worries|got it|i see|understood|noted|makes sense|sounds good|will do|thanks|thank you|thx|ty|much appreciated|you'?re welcome|my pleasure|lol|haha+|wow|hmm+|i understand|i'?ll (?:remember|note|keep) that(?: in mind)?|i(?:'ve| have)? (?:saved|noted|stored|remembered|updated) (?:that|this|it)(?: for you)?|(?:so|very|a lot|so much|very much|then|all|for (?:that|this|letting me know|sharing|your help|the help|the info(?:rmation)?)|again|everyone|there)|[\\s,.!])+|好的?|嗯+|行|可以|没问题|知道了?|明白了?|了解了?|收到|谢谢(?:你|您|啦|大家)?|多谢|不客气|不用谢|哈哈+|是的|对的?|没错|(?:我)?(?:已经?|会)?(?:记住|记下)了?",
    ),
  ],
  [
    'acknowledgement',
    whole(
      "(?:(?:wow|oh|aw+|yay|yeah|yep|well|thanks|thank you|so|really|very|just|super|absolutely|such an?|pretty)[,!. ]+)*(?:\\p{L}+[,!. ]+)?(?:(?:that|it|this|you|they)(?: ?['’]?(?:s|re)| is| was| are| sounds?| looks?| must be)?|sounds|looks|how)?,? ?(?:(?:so|really|very|just|super|absolutely|such an?|pretty) )?(?:awesome|amazing|great|cool|lovely|nice|wonderful|fantastic|gorgeous|beautiful|incredible|inspiring|good|fun|exciting|interesting|sweet|impressive|thoughtful)(?:[,!. ]+\\p{L}+)?|(?:have (?:fun|a blast)|wow|aww+|yay|take care|take it easy|good luck|congrat(?:ulation)?s|cheers|(?:same|you too)(?: here)?|no way|for sure|totally|definitely|good point|great job|keep it up)(?:[,!. ]+(?:on|with|to)? ?\\p{L}+)?|(?:thanks|thank you)[,! ]+(?:so much[,! ]+)?\\p{L}+|your (?:kind )?words (?:really )?mean a lot(?: to me)?|真(?:棒|好|厉害|不错)[啊呀了]?|太(?:棒|好|厉害)了|加油|恭喜(?:你)?|祝(?:你)?好运|辛苦了",
    ),
  ],
  [
    'status_check',
    whole(
      'ping|pong|test(?:ing)?(?:[ ,]*(?:\\d+|one|two|three))*|(?:are|r) (?:you|u) (?:there|up|online|alive|working|awake)|is (?:this|it|anyone) (?:on|working|there)|(?:health|status|heartbeat|liveness)[ _-]?(?:check|ok)?(?:\\s*[:=]\\s*(?:ok|up|healthy|\\d+))?|status\\s*[:=]?\\s*(?:ok|up|200)|heartbeat_ok|hello world|no[ _]reply|在吗|在不在|测试(?:一下)?|能听到吗|有人吗',
    ),
  ],
  [
    'system_prompt',
    /^\s*(?:you are (?:a|an|the) (?:\w+[ -]){0,4}(?:assistant|ai|agent|bot|chatbot|model|expert|expert system)\b|your (?:task|role|job|goal) is to\b|<\/?(?:system|instructions?|s)>|\[(?:inst|system)\]|system(?: prompt)?\s*:|(?:always )?(?:respond|answer|reply) (?:only )?(?:in|with|as) (?:valid )?(?:json|xml|markdown|english)\b|(?:please )?(?:ignore|disregard) (?:all |any )?(?:the )?(?:previous|prior|above) (?:instructions?|prompts?)\b|do not (?:reveal|disclose) (?:these|your|the) (?:instructions|prompt)|你是(?:一个|一名|一位)?.{0,10}(?:助手|助理|机器人|模型|专家)|你的任务是|忽略(?:之前|以上|前面)的?(?:所有)?(?:指令|提示))/i,
  ],
  [
    'boilerplate',
    /^\s*(?:as an? (?:ai|artificial intelligence|large)? ?(?:language )?(?:model|assistant)\b|i(?:'m| am) (?:just )?an? (?:ai|language model)\b|i(?:'m| am) (?:sorry|afraid),? (?:but )?i (?:can(?:not|'t)|do(?:n't| not) have)|i apologi[sz]e\b|(?:please )?(?:let me know|feel free)\b|(?:i )?hope (?:this|that|it) helps|(?:is|was) there anything else\b|how (?:can|may) i (?:help|assist)|what can i do for you|(?:i'?d be |i'?m )?(?:happy|glad) to (?:help|assist)\b|i'?m here to help|here(?:'s| is| are) (?:a|an|the|some|your)\b.{0,60}:\s*$|(?:sent from my|get outlook for|this (?:e-?mail|message) (?:and any|is intended)|unsubscribe|all rights reserved|confidentiality notice)\b|作为(?:一个)?(?:人工智能|AI|语言模型)|希望(?:这|以上)?.{0,6}(?:有(?:所)?帮助|能帮到)|还有(?:什么|其他).{0,10}(?:帮|问题)|如(?:果)?(?:你|您)?(?:还)?有.{0,6}(?:问题|需要).{0,10}(?:告诉|联系|问)我|很(?:高兴|乐意)(?:为|帮)|抱歉，?我(?:无法|不能))/i,
  ],
]

const EMPTY_CODE = /^```[^\n]*\n?\s*(?:```)?$/
/** Long runs of marks and blanks: they say nothing, and patterns that allow them anywhere would try every split of them. */
const MARKS = /[\s\p{P}\p{S}]{5,}/gu
const HAS_WORD = /[\p{L}\p{N}]/u
const QUESTION = /[?？]["”」)]*$|(?:吗|呢|么)[。.!！]?$/
/** Requests to do something now: they say nothing that holds later. */
const INSTRUCTION =
  /^\s*(?:(?:please|pls|now|then|and|ok(?:ay)?,?) )*(?:(?:can|could|would|will) you (?:please )?)?(?:write|draft|translate|summari[sz]e|explain|list|show|find|search|look up|give me|tell me|help me|fix|debug|refactor|generate|create|make me|calculate|compute|compare|describe|rewrite|rephrase|proofread|convert|recommend|suggest|play|open|run|send|turn (?:on|off)|set (?:a|an|the) (?:timer|alarm)|stop|continue|go on|try again|repeat|let's)\b|^\s*(?:请|麻烦)?(?:帮我|给我)?(?:写|翻译|总结|解释|列出|显示|查找|查一下|搜索|告诉我|生成|创建|计算|比较|推荐|播放|打开|发送|继续|重试|润色|介绍一下)/i

/** Why a sentence is not worth remembering; null for one that may be. */
export function junkReason(sentence: string, role: Role): OperationReason | null {
  if (role === 'system') return 'system_prompt'
  if (EMPTY_CODE.test(sentence.trim()) || !HAS_WORD.test(sentence)) return 'empty'
  const squeezed = sentence.replace(MARKS, (run) => run.slice(0, 4))
  const gate = GATES.find(([, pattern]) => pattern.test(squeezed))
  if (gate !== undefined) return gate[0]
  if (QUESTION.test(sentence.trim())) return 'question'
  return role === 'user' && INSTRUCTION.test(sentence) ? 'instruction' : null
}
