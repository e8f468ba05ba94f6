using System.Text.Json;

namespace ProcMigrate.Image.Format;

/// <summary>
/// What the JSON of a tree would take in memory as objects, summed up token by token, rather too much than too little. Two characters of JSON can
/// become an object, or a document of its own where a value stays JSON: a bound on the length of the text alone bounds little.
/// </summary>
internal sealed class TreeWeight
{
    // Measured with .NET 9 on 64 bits: headers, fields, the lists' references with room to grow.
    private const int Value = 16, Text = 56, Group = 128, Document = 320;
    private readonly Stack<bool> _aspects = [];
    private bool _aspectsNext;
    private bool _documentNext;

    public long Bytes { get; private set; }

    public void Add(in Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.PropertyName:
                _aspectsNext = reader.ValueTextEquals("aspects"u8);
                // The state of an object, and each member of a process's aspects, stays JSON.
                var inAspects = _aspects.TryPeek(out var within) && within;
                _documentNext = inAspects || reader.ValueTextEquals("state"u8);
                Bytes += inAspects ? Text + 2L * reader.ValueSpan.Length : 0;
                return;
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                Bytes += Group;
                _aspects.Push(_aspectsNext && reader.TokenType == JsonTokenType.StartObject);
                break;
            case JsonTokenType.EndObject or JsonTokenType.EndArray:
                _aspects.Pop();
                break;
            case JsonTokenType.String:
                Bytes += Text + 2L * reader.ValueSpan.Length;
                break;
            default:
                Bytes += Value;
                break;
        }

        if (_documentNext)
            Bytes += Document;
        _aspectsNext = _documentNext = false;
    }
}
